"""One video on a server of OpenAI's routes: made as a job there, followed, fetched, forgotten there.

SGLang (0.5.23) keeps such jobs in its memory and has no way to abort one: a forgotten one runs to its
end for nobody.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import Final

from base.upload import Upload, UploadWriter
from base.usage import Usage
from runtime.engine import EngineCall, Event, Fault, Metered
from runtime.http.failure import BadResponse, HttpFailure
from runtime.http.message import Request, Response
from runtime.openai_faults import fault_of_body, fault_of_failure
from runtime.openai_run import Server
from runtime.openai_videos import VideoJob, video_job
from runtime.video import Progress, Video

_ANSWER_BYTES: Final = 65_536
_FILE_BYTES: Final = 2_147_483_648
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_LOST_S: Final = 10.0
_AWAY: Final = frozenset((502, 503, 504))  # what stands before an engine says so while it restarts
_FORGET_S: Final = 1.0
_BOX: Final = b"ftyp"  # the first box of every MP4 file (ISO/IEC 14496-12, 4.3)

_LOST: Final = Fault("unavailable", retryable=True, status=502, detail="the engine lost the video")
_LEFT: Final = Fault("unavailable", retryable=True, status=502, detail="the run was cut")
_FAILED: Final = Fault("internal", retryable=False, status=502, detail="the engine failed at the video")
_NO_VIDEO: Final = Fault("internal", retryable=False, status=502, detail="no MP4 file")
_STALLED: Final = Fault("stalled", retryable=True, status=504, detail="the video does not get on")


class VideoRun:
    """An async context manager that yields the events of a call. Leaving it forgets the job."""

    def __init__(self, server: Server, call: EngineCall) -> None:
        self.call = call
        self.heard_s = 0.0
        self._server = server
        self._clock = asyncio.get_running_loop().time
        self._job: VideoJob | None = None
        self._response: Response | None = None
        self._cut = asyncio.Event()
        self._events = self._told()

    async def __aenter__(self) -> AsyncIterator[Event]:
        return self._events

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.cut()
            await self._forget()
        finally:
            await self._events.aclose()

    def cut(self) -> None:
        """Ask no more; who reads the events gets a Fault."""
        self._cut.set()
        if self._response is not None:
            self._response.close()

    async def _told(self) -> AsyncGenerator[Event, None]:
        refusal = self._server.flavour.refusal(self.call)
        if refusal is not None:
            yield refusal
            return
        try:
            job = await self._asked(await self._post())
            if isinstance(job, Fault):
                yield job
                return
            yield self._server.identify(self.call, {})
            async for event in self._followed(job):
                yield event
                if isinstance(event, Fault):
                    return
            async for last in self._fetched(job):
                yield last
        except HttpFailure as failure:
            yield _LEFT if self._cut.is_set() else fault_of_failure(failure)

    async def _followed(self, job: VideoJob) -> AsyncIterator[Progress | Fault]:
        """How far it is, until it ended; a Fault where it did not end well."""
        told, moved_s, pause_s = 0, self._clock(), _FIRST_PAUSE_S
        while not job.ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._cut.wait()
            if self._cut.is_set():
                yield _LEFT
                return
            pause_s = min(1.5 * pause_s, _LONGEST_PAUSE_S)
            looked = await self._look(job)
            if isinstance(looked, Fault):
                yield looked
                return
            job = looked
            if job.percent > told:
                told, moved_s = job.percent, self._clock()
                yield Progress(told)
            elif not job.ended and self._clock() - moved_s > self._server.limits.job_silence_s:
                yield _STALLED
                return
        if job.failed:
            yield _FAILED

    async def _fetched(self, job: VideoJob) -> AsyncIterator[Event]:
        file = await self._file(job)
        if isinstance(file, Fault):
            yield file
            return
        yield Video(file)
        usage = self.call.meter.usage = Usage(video_ms=1000 * int(self.call.body["seconds"]))
        yield Metered(usage)

    async def _post(self) -> Response:
        return await self._send(await self._server.posted(self.call, self.call.rid))

    async def _look(self, job: VideoJob) -> VideoJob | Fault:
        """An engine that is away for a moment has the job still; one that restarted lost it."""
        since_s = self._clock()
        while True:
            try:
                response = await self._send(self._server.request("GET", job.path))
                if response.status == 404:
                    response.close()
                    self._job = None
                    return _LOST
                looked = await self._asked(response)
                if response.status not in _AWAY or self._gave_up(since_s):
                    return looked
            except BadResponse:
                raise
            except HttpFailure:
                if self._gave_up(since_s):
                    raise
            await asyncio.sleep(_FIRST_PAUSE_S)

    def _gave_up(self, since_s: float) -> bool:
        return self._cut.is_set() or self._clock() - since_s > _LOST_S

    async def _asked(self, response: Response) -> VideoJob | Fault:
        """The job that an answer tells of."""
        try:
            body = await response.read(_ANSWER_BYTES)
        finally:
            response.close()
        self.heard_s = self._clock()
        if response.status != 200:
            return fault_of_body(response.status, body)
        job = video_job(body)
        if isinstance(job, VideoJob):
            if self._job is not None and job.id != self._job.id:
                return Fault("internal", retryable=False, status=502, detail="another video's answer")
            self._job = job
        return job

    async def _file(self, job: VideoJob) -> Upload | Fault:
        response = await self._send(self._server.request("GET", f"{job.path}/content"))
        try:
            if response.status != 200:
                return fault_of_body(response.status, await response.read(_ANSWER_BYTES))
            return await self._written(response)
        finally:
            response.close()

    async def _written(self, response: Response) -> Upload | Fault:
        """The file on the disk, as it came."""
        writer = await asyncio.to_thread(UploadWriter)
        head, size = b"", 0
        while data := await response.chunk():
            self.heard_s = self._clock()
            head, size = head or data[:8], size + len(data)
            if size > _FILE_BYTES:
                return Fault("internal", retryable=False, status=502, detail="a video that never ends")
            await asyncio.to_thread(writer.write, data)
        if head[4:8] != _BOX:
            return _NO_VIDEO
        return await asyncio.to_thread(writer.end)

    async def _send(self, request: Request) -> Response:
        self._response = await self._server.client.send(lambda _: request)
        return self._response

    async def _forget(self) -> None:
        """Let the server drop the job and its result; one that can't be asked will restart some day."""
        if self._job is None:
            return
        request = self._server.request("DELETE", self._job.path)
        with contextlib.suppress(HttpFailure, TimeoutError):
            async with asyncio.timeout(_FORGET_S):
                (await self._server.client.send(lambda _: request)).finish()
