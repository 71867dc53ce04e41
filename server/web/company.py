"""Keeps a reader company while the first event of a stream is late.

Load balancers cut connections that are silent for 60 to 100 s, and a long prompt may take longer. So the
head leaves after ``HEAD_S``, then a comment every ``PING_S`` (WHATWG HTML 9.2.7); what fails later is
told in band.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

HEAD_S: Final = 10.0
PING_S: Final = 15.0
PING: Final = b": ping\n\n"
_AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a head may wait for the first event, and the time between comments, in seconds."""

    head_s: float = HEAD_S
    ping_s: float = PING_S


class Company:
    """Inside, ``begin`` is called when the first event is late, until it says that the head left; then
    ``write`` at intervals. ``end`` when the event is there; leaving does the same."""

    def __init__(
        self,
        patience: Patience,
        begin: Callable[[], Awaitable[bool]],
        write: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._patience = patience
        self._begin = begin
        self._write = write
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._patience.head_s, self._start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> None:
        self._task = self._loop.create_task(self._keep())

    async def _keep(self) -> None:
        begun = False
        while True:
            if begun := begun or await self._begin():
                await self._write(PING)
            await asyncio.sleep(self._patience.ping_s if begun else _AGAIN_S)
