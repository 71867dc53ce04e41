"""The videos of callers: found, listed, shown, fetched, followed, deleted."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import select

from base.errors import BatchinError, Conflict, NotFound
from base.money import cents_rounded, usd_text
from storage.op import Refused
from tools.files.file import File
from tools.jobs import ops
from tools.jobs.batch import VIDEOS, Batch, Status, batch_of
from tools.jobs.line import EXPIRED, first_error, line_of
from tools.jobs.parts import JobParts
from tools.jobs.tables import BATCH, BATCH_TASK
from tools.jobs.worker import Worker
from tools.videos.make import file_id_of
from tools.videos.schema import ratio_of

LIST_LIMIT: Final = 100
_ID: Final = re.compile(r"video_[0-9a-f]{32}")
_LOOK_S: Final = 0.5
_FINISHED: Final = 100
_ENDED: Final[Mapping[Status, Mapping[str, str]]] = {
    Status.CANCELLED: {"code": "cancelled", "message": "It was cancelled; nothing was charged."},
    Status.EXPIRED: EXPIRED,
}


class VideoNotReady(Conflict):
    """There is no file of the video."""

    code = "not_ready"
    resolution = "Poll GET /v1/videos/{id} until status is completed."


@dataclass(frozen=True, slots=True)
class VideoShelf:
    """``base_url`` is what callers see of this server."""

    parts: JobParts
    worker: Worker
    base_url: str

    async def get(self, account_id: str, video_id: str) -> dict[str, Any]:
        """Raises NotFound, the same for a video of somebody else and for one that is gone."""
        return (await self._shown([await self._mine(account_id, video_id)]))[0]

    async def page(
        self, account_id: str, after: str | None, limit: int, newest_first: bool
    ) -> tuple[list[dict[str, Any]], bool]:
        """The videos behind the one with the id ``after``, and whether there are more."""
        query = select(BATCH).where(BATCH.c.account_id == account_id, *self._visible())
        if after is not None:
            seq = seq_of(after)
            query = query.where(BATCH.c.seq < seq if newest_first else BATCH.c.seq > seq)
        order = BATCH.c.seq.desc() if newest_first else BATCH.c.seq.asc()
        rows = await self.parts.store.read(query.order_by(order).limit(limit + 1))
        return await self._shown([batch_of(row) for row in rows[:limit]]), len(rows) > limit

    async def file(self, account_id: str, video_id: str) -> File:
        """Raises NotFound, VideoNotReady."""
        shown = await self.get(account_id, video_id)
        if shown["status"] != "completed":
            error = shown["error"]
            raise VideoNotReady(
                f"The video is {shown['status']}." if error is None else str(error["message"]),
                resolution=None if error is None else "Ask for it anew: POST /v1/videos.",
            )
        return await self.parts.files.get(account_id, file_id_of(video_id))

    async def delete(self, account_id: str, video_id: str) -> None:
        """Gone at once for its owner: stopped, where it is being made. Raises NotFound."""
        video = await self._mine(account_id, video_id)
        dropped = ops.drop(video.id, account_id, self.parts.clock.now_ms())
        if isinstance(await self.parts.store.commit(dropped), Refused):
            raise not_found()
        self.worker.stop(video.id)
        try:
            await self.parts.files.delete(account_id, file_id_of(video.id))
        except NotFound:
            return  # it was never finished, or its file was deleted by itself

    async def cancel(self, account_id: str, video_id: str) -> dict[str, Any]:
        """Stop it; harmless where it ended. Raises NotFound."""
        video = await self._mine(account_id, video_id)
        await self._stop(video)
        return await self.get(account_id, video_id)

    async def states(self, video_id: str) -> AsyncIterator[dict[str, Any]]:
        """How it goes on, until it ended; whoever asks knows that it is theirs."""
        told: dict[str, Any] | None = None
        while True:
            (shown,) = await self._shown([await self._one(video_id)])
            if shown != told:
                yield shown
                told = shown
            if shown["status"] in ("completed", "failed"):
                return
            await asyncio.sleep(_LOOK_S)

    async def stop(self, video_id: str) -> None:
        """Stop it, for whoever ``states`` is for."""
        await self._stop(await self._one(video_id))

    def shown(self, video: Batch, line: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A video for its owner. ``line`` is what became of its task, None while that is open."""
        about = orjson.loads(video.metadata or "{}")
        made = line is not None and line["response"] is not None and line["error"] is None
        response: Mapping[str, Any] = (line or {}).get("response") or {}
        done = made and response.get("status_code") == 200 and video.status.ended
        ended_s = None if video.ended_at_ms is None else video.ended_at_ms // 1000
        return {
            "id": video.id,
            "object": "video.generation",
            "status": "completed" if done else self._status(video),
            "progress": _FINISHED if done else video.progress or 0,
            "model": about["model"],
            "duration_seconds": about["seconds"],
            "aspect_ratio": ratio_of(about["width"], about["height"]),
            "seconds": str(about["seconds"]),
            "size": f"{about['width']}x{about['height']}",
            "output_url": f"{self.base_url}/v1/files/{file_id_of(video.id)}/content",
            "created_at": video.created_at_ms // 1000,
            "completed_at": ended_s if done else None,
            "expires_at": video.gone_at_ms // 1000 if done else None,
            "error": None if done or not video.status.ended else _error(video, line),
            "remixed_from_video_id": None,
            "quoted_usd": usd_text(video.quoted_nano_usd),
            "cost_usd": usd_text(video.charged_nano_usd),
            "cost_cents": cents_rounded(video.charged_nano_usd),
            "run_id": response["body"]["vaas"]["run_id"] if done else None,
        }

    def _status(self, video: Batch) -> str:
        if video.status.ended:
            return "failed"
        return "queued" if video.progress is None else "in_progress"

    async def _shown(self, videos: Sequence[Batch]) -> list[dict[str, Any]]:
        """Each with what became of its task."""
        ids = [video.id for video in videos]
        rows = await self.parts.store.read(select(BATCH_TASK).where(BATCH_TASK.c.batch_id.in_(ids)))
        lines = {row["batch_id"]: line_of(row, self.parts.sealer) for row in rows}
        return [self.shown(video, lines.get(video.id)) for video in videos]

    async def _mine(self, account_id: str, video_id: str) -> Batch:
        if not _ID.fullmatch(video_id):
            raise not_found()
        query = select(BATCH).where(
            BATCH.c.id == video_id, BATCH.c.account_id == account_id, *self._visible()
        )
        rows = await self.parts.store.read(query)
        if not rows:
            raise not_found()
        return batch_of(rows[0])

    async def _one(self, video_id: str) -> Batch:
        rows = await self.parts.store.read(select(BATCH).where(BATCH.c.id == video_id, *self._visible()))
        if not rows:
            raise not_found()
        return batch_of(rows[0])

    async def _stop(self, video: Batch) -> None:
        await self.parts.store.commit(ops.cancel(video.id, video.account_id, self.parts.clock.now_ms()))
        self.worker.stop(video.id)

    def _visible(self) -> tuple[Any, ...]:
        return BATCH.c.endpoint == VIDEOS, BATCH.c.gone_at_ms > self.parts.clock.now_ms()


def seq_of(video_id: str) -> str:
    """What orders videos by their creation. Raises NotFound for what is no id of one."""
    if not _ID.fullmatch(video_id):
        raise not_found()
    return video_id.removeprefix("video_")


def not_found() -> BatchinError:
    return NotFound("Video not found", param="id", resolution="Verify video id.")


def _error(video: Batch, line: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Why there is no video."""
    if video.status in _ENDED:
        return _ENDED[video.status]
    if line is not None:
        response = line["response"]
        found = line["error"] if response is None else response["body"]["error"]
        return {"code": found["code"], "message": found["message"]}
    first = first_error(video)
    return {"code": first["code"], "message": first["message"]}
