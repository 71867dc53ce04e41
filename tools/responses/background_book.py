"""Responses in the background: how each stands, streamed, cancelled, dropped."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from base.errors import InvalidRequest
from tools.jobs import ops
from tools.jobs.batch import BACKGROUND, STREAMED, Batch, Status, batch_of
from tools.jobs.line import EXPIRED, first_error, line_of
from tools.jobs.parts import JobParts
from tools.jobs.tables import BATCH, BATCH_TASK
from tools.jobs.worker import Worker
from tools.responses.growing import Event
from tools.responses.pieces import PieceShelf
from tools.responses.rendered import QUEUED
from tools.responses.replay import Replay
from tools.responses.shelf import Kept

_LOOK_S: Final = 0.05
_LOOKS: Final = 100
_NEWS_S: Final = 1.0
_STEP: Final = 64
_ENDED: Final = ("completed", "incomplete", "failed", "cancelled")
_STOPPED: Final = (Status.CANCELLING, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class BackgroundBook:
    """The jobs behind the responses; a response is looked for on the shelf first."""

    parts: JobParts
    worker: Worker
    pieces: PieceShelf

    async def shown(self, kept: Kept, account_id: str) -> Mapping[str, Any]:
        """A response of this account as it is now."""
        job = await self._job(kept.id, account_id)
        return kept.response if job is None else await self._now(kept.response, job)

    async def check_streamed(self, kept: Kept, account_id: str) -> None:
        """Raises InvalidRequest for a response that was made whole."""
        job = await self._job(kept.id, account_id)
        if job is None or job.metadata != STREAMED:
            raise InvalidRequest(
                "This response can't be streamed: it was not made with background and stream.",
                param="stream",
                resolution="Leave stream out; to stream a response, make it with background and stream.",
            )

    async def events(self, response: Mapping[str, Any], after: int = -1) -> AsyncIterator[Event]:
        """The events of a response that is streamed, behind the one with the number ``after``, up to its
        end. ``response`` is it as it was kept at any time; whoever asks knows that it is theirs."""
        async for event in self._events(response):
            if event["sequence_number"] > after:
                yield event

    async def _events(self, response: Mapping[str, Any]) -> AsyncIterator[Event]:
        replay, number = Replay(response), 0
        for event in replay.opening():
            yield event
        with self.pieces.bells.listening(response["id"]) as bell:
            while True:
                bell.clear()
                now = await self._found(response)
                while (more := await self.pieces.after(response["id"], number))[1]:
                    number = more[0]
                    for count, entry in enumerate(more[1], 1):
                        for event in replay.add(entry):
                            yield event
                        if count % _STEP == 0:
                            await asyncio.sleep(0)
                if now["status"] in _ENDED:
                    for event in replay.end(now):
                        yield event
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(_NEWS_S):
                        await bell.wait()

    async def _found(self, response: Mapping[str, Any]) -> Mapping[str, Any]:
        job = await self._job(response["id"])
        if job is not None:
            return await self._now(response, job)
        return {**response, "status": "cancelled"} if response["status"] == QUEUED else response

    async def _now(self, response: Mapping[str, Any], job: Batch) -> Mapping[str, Any]:
        line = await self._line(job)
        if line is not None:
            return _ended(response, line)
        if job.status in _STOPPED:
            return {**response, "status": "cancelled"}
        if job.status.ended or job.status is Status.FINALIZING:
            return _failed(response, _why(job))
        begun = job.progress is not None
        return {**response, "status": "in_progress" if begun else "queued"}

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
        """It was deleted: stop it where it goes on, and let go what was kept for its streams."""
        await self._stop(kept.id, account_id, ops.drop)
        await self.pieces.delete(kept.id)

    async def _stop(self, response_id: str, account_id: str, step: Any) -> None:
        now_ms = self.parts.clock.now_ms()
        await self.parts.store.commit(step(response_id, account_id, now_ms))
        self.worker.stop(response_id)
        self.pieces.bells.ring(response_id)

    async def _job(self, response_id: str, account_id: str | None = None) -> Batch | None:
        """None as account: whosever it is."""
        query = select(BATCH).where(BATCH.c.id == response_id, BATCH.c.endpoint == BACKGROUND)
        if account_id is not None:
            query = query.where(BATCH.c.account_id == account_id)
        rows = await self.parts.store.read(query)
        return batch_of(rows[0]) if rows else None

    async def _line(self, job: Batch) -> Mapping[str, Any] | None:
        """What became of its task; None while that is open."""
        rows = await self.parts.store.read(select(BATCH_TASK).where(BATCH_TASK.c.batch_id == job.id))
        if not rows:
            return None
        return line_of(rows[0], self.parts.sealer)


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
        return EXPIRED
    return first_error(job)
