"""Watch a connection while a call runs: the reader that left, the reader that takes nothing."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Message, Receive, Send

_ARM_AFTER_S = 0.05  # a watcher costs a task: most calls end before they need one


class Watch:
    """Cancels the task that entered it when the client disconnects or stops reading.

    ``gone`` tells its own cancellation from others. ``send`` is to be used inside: a reader that takes
    nothing for ``send_timeout_s`` is cut.
    """

    def __init__(self, receive: Receive, send: Send, send_timeout_s: float) -> None:
        self._receive = receive
        self._send = send
        self._timeout_s = send_timeout_s
        self._sending_since: float | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._checker: asyncio.TimerHandle | None = None
        self._reading = False
        self.gone = False

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._armer = self._loop.call_later(_ARM_AFTER_S, self._arm)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._armer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._checker is not None:
            self._checker.cancel()
        if self.gone and self._task is not None:
            self._task.uncancel()
        return self.gone and kind is asyncio.CancelledError

    async def receive(self) -> Message:
        """The next message; while a body is read here nobody else takes a part of it."""
        self._reading = True
        message = await self._receive()
        self._reading = bool(message.get("more_body"))
        return message

    async def send(self, message: Message) -> None:
        self._sending_since = self._loop.time()
        await self._send(message)
        self._sending_since = None

    def _arm(self) -> None:
        if self._reading:
            self._armer = self._loop.call_later(_ARM_AFTER_S, self._arm)
            return
        self._watcher = self._loop.create_task(self._watch())
        self._checker = self._loop.call_later(self._timeout_s, self._check)

    async def _watch(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._cut()
                return

    def _check(self) -> None:
        since = self._sending_since
        if since is not None and self._loop.time() - since >= self._timeout_s:
            self._cut()
            return
        self._checker = self._loop.call_later(self._timeout_s / 4, self._check)

    def _cut(self) -> None:
        if not self.gone and self._task is not None:
            self.gone = True
            self._task.cancel()
