"""Responses in the background: how each stands, cancelled, dropped."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import select

from base.sealing import Sealed, Unsealable
from tools.jobs import ops
from tools.jobs.batch import BACKGROUND, Batch, Status, batch_of
from tools.jobs.parts import JobParts
from tools.jobs.tables import BATCH, BATCH_TASK
from tools.jobs.worker import Worker
from tools.responses.shelf import Kept

_LOOK_S: Final = 0.05
_LOOKS: Final = 100
_STOPPED: Final = (Status.CANCELLING, Status.CANCELLED)
_UNREADABLE: Final = {"code": "internal_error", "message": "What became of it can't be read."}
_EXPIRED: Final = {
    "code": "expired",
    "message": "No engine had made it in time; nothing was charged. Ask again later.",
}


@dataclass(frozen=True, slots=True)
class BackgroundBook:
    """The jobs behind the responses; a response is looked for on the shelf first."""

    parts: JobParts
    worker: Worker

    async def shown(self, kept: Kept, account_id: str) -> Mapping[str, Any]:
        """A response of this account as it is now."""
        job = await self._job(kept.id, account_id)
        if job is None:  # it is forgotten after its response
            return kept.response
        line = await self._line(job)
        if line is not None:
            return _ended(kept.response, line)
        if job.status in _STOPPED:
            return {**kept.response, "status": "cancelled"}
        if job.status.ended or job.status is Status.FINALIZING:
            return _failed(kept.response, _why(job))
        begun = job.progress is not None
        return {**kept.response, "status": "in_progress" if begun else "queued"}

    async def cancel(self, kept: Kept, account_id: str) -> Mapping[str, Any]:
        """Stop it, and its engine; harmless where it ended. How it ended then."""
        await self._stop(kept.id, account_id, ops.cancel)
        for _ in range(_LOOKS):
            job = await self._job(kept.id, account_id)
            if job is None or job.status.ended:
                break
            await asyncio.sleep(_LOOK_S)
        return await self.shown(kept, account_id)

    async def drop(self, kept: Kept, account_id: str) -> None:
        """It was deleted: stop it where it goes on."""
        await self._stop(kept.id, account_id, ops.drop)

    async def _stop(self, response_id: str, account_id: str, step: Any) -> None:
        now_ms = self.parts.clock.now_ms()
        await self.parts.store.commit(step(response_id, account_id, now_ms))
        self.worker.stop(response_id)

    async def _job(self, response_id: str, account_id: str) -> Batch | None:
        query = select(BATCH).where(
            BATCH.c.id == response_id,
            BATCH.c.account_id == account_id,
            BATCH.c.endpoint == BACKGROUND,
        )
        rows = await self.parts.store.read(query)
        return batch_of(rows[0]) if rows else None

    async def _line(self, job: Batch) -> Mapping[str, Any] | None:
        """What became of its task; None while that is open."""
        rows = await self.parts.store.read(select(BATCH_TASK).where(BATCH_TASK.c.batch_id == job.id))
        if not rows:
            return None
        try:
            opened = self.parts.sealer.open(Sealed(rows[0]["salt"], rows[0]["box"]))
        except Unsealable:  # the server's secret changed meanwhile
            return {"response": None, "error": _UNREADABLE}
        line: Mapping[str, Any] = orjson.loads(opened)
        return line


def _ended(response: Mapping[str, Any], line: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = line["response"]
    if answer is None:
        return _failed(response, line["error"])
    body: Mapping[str, Any] = answer["body"]
    return body if answer["status_code"] == 200 else _failed(response, body["error"])


def _failed(response: Mapping[str, Any], error: Mapping[str, Any]) -> Mapping[str, Any]:
    told = {**error, "code": "server_error", "reason": error["code"]}
    return {**response, "status": "failed", "error": told}


def _why(job: Batch) -> Mapping[str, Any]:
    if job.status is Status.EXPIRED or job.status is Status.FINALIZING:
        return _EXPIRED
    return next(iter(orjson.loads(job.errors)), _UNREADABLE)
