"""A child process that starts when it is first asked, and ends when nobody asked for long."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from base.child import ChildFailed, Program
from base.supervisor import Supervisor
from runtime.local.frames import END, Frame, packed, receive

_FORGIVEN_S: Final = 15.0
_STREAM_LIMIT: Final = 1 << 20
_log = logging.getLogger("batchin.child")


class ChildDown(Exception):
    """The child did not start, or went away in the middle of an answer."""


class ChildStalled(Exception):
    """The child said nothing for too long; it was killed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """``silence_s`` is the longest time between two frames of an answer, ``idle_s`` how long a child
    that nobody asks keeps its memory."""

    silence_s: float
    idle_s: float


class LazyChild:
    """``program``'s child listens at the path ``socket`` of its request (see answering.py)."""

    def __init__(self, program: Program, patience: Patience) -> None:
        self._program = program
        self._patience = patience
        self._folder: Path | None = None
        self._supervisor: Supervisor | None = None
        self._changing = asyncio.Lock()
        self._asked = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._failed_at_s: float | None = None
        self._restarts = 0

    @property
    def facts(self) -> Mapping[str, Any] | None:
        """What the child said of itself; None while it is not up."""
        child = self._supervisor.child if self._supervisor else None
        return child.facts if child else None

    @property
    def pid(self) -> int | None:
        child = self._supervisor.child if self._supervisor else None
        return child.pid if child else None

    @property
    def broken(self) -> bool:
        """Whether it lately could not be started; it is tried again a little later."""
        failed_at_s = self._failed_at_s
        return failed_at_s is not None and _now_s() - failed_at_s < _FORGIVEN_S

    @property
    def restarts(self) -> int:
        return self._restarts + (self._supervisor.restarts if self._supervisor else 0)

    async def ask(self, head: Mapping[str, Any], payload: bytes = b"") -> AsyncGenerator[Frame, None]:
        """The frames of an answer; closing the generator early tells the child to stop.

        Raises ChildDown and ChildStalled.
        """
        self._asked += 1
        self._awake()
        try:
            reader, writer = await self._connection()
            try:
                writer.write(packed(head, payload))
                while (frame := await self._next(reader))[0] != END:
                    yield frame
                    if frame[0]["event"] == "fault":
                        return
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise ChildDown from error
            finally:
                writer.close()
        finally:
            self._asked -= 1
            self._rest()

    async def stop(self) -> None:
        """End the child, if one runs."""
        self._awake()
        async with self._changing:
            await self._end()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with self._changing:
            supervisor, folder = self._started() or await self._start()
        try:
            async with asyncio.timeout(self._program.ready_s):
                await supervisor.up()
            return await asyncio.open_unix_connection(folder / "socket", limit=_STREAM_LIMIT)
        except (OSError, TimeoutError) as error:
            raise ChildDown from error

    def _started(self) -> tuple[Supervisor, Path] | None:
        if self._supervisor is None or self._folder is None:
            return None
        return self._supervisor, self._folder

    async def _next(self, reader: asyncio.StreamReader) -> Frame:
        try:
            async with asyncio.timeout(self._patience.silence_s):
                return await receive(reader)
        except TimeoutError:
            child = self._supervisor.child if self._supervisor else None
            if child is not None:
                _log.error("%s said nothing for %g s", self._program.name, self._patience.silence_s)
                child.kill()
            raise ChildStalled from None

    async def _start(self) -> tuple[Supervisor, Path]:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="batchin-"))
        request = {**self._program.request, "socket": str(folder / "socket")}
        supervisor = Supervisor(replace(self._program, request=request))
        try:
            await supervisor.__aenter__()
        except BaseException as error:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            if not isinstance(error, ChildFailed | OSError):
                raise
            self._failed_at_s = _now_s()
            _log.error("%s", error)
            raise ChildDown from error
        self._failed_at_s = None
        self._supervisor, self._folder = supervisor, folder
        return supervisor, folder

    async def _end(self) -> None:
        supervisor, folder = self._supervisor, self._folder
        if supervisor is None or folder is None:
            return
        self._restarts += supervisor.restarts
        self._supervisor = self._folder = None
        await supervisor.__aexit__(None, None, None)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _awake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rest(self) -> None:
        if self._asked == 0 and self._supervisor is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._patience.idle_s, self._tired)

    def _tired(self) -> None:
        self._ending = asyncio.create_task(self._end_if_idle())

    async def _end_if_idle(self) -> None:
        async with self._changing:
            if self._asked == 0:
                await self._end()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
