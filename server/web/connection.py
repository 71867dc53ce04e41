"""Watch a connection while a call runs: the reader that left, the reader that takes nothing."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Message, Send

from server.web.pieces import PIECE, pieces_of
from server.web.wire import Wire


class Watch:
    """Cancels the task that entered it when the client disconnects or stops reading.

    ``gone`` tells its own cancellation from others. ``send`` is to be used inside: a reader that takes
    nothing for ``send_timeout_s`` is cut, his connection too: closed, it would wait for ever until he
    takes what is left. Without a wire nobody is watched.
    """

    def __init__(self, wire: Wire | None, send: Send, send_timeout_s: float) -> None:
        self._wire = wire
        self._send = send
        self._timeout_s = send_timeout_s
        self.gone = False

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        if self._wire is not None:
            self._wire.lost = self.cut
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._wire is not None:
            self._wire.lost = None
        if self.gone and self._task is not None:
            self._task.uncancel()
            self.drop()
        return self.gone and kind is asyncio.CancelledError

    async def send(self, message: Message) -> None:
        if len(message.get("body", b"")) <= PIECE:
            await self._piece(message)
            return
        for piece in pieces_of(message):  # each gets the reader's whole time to take it
            await self._piece(piece)

    async def _piece(self, message: Message) -> None:
        if self._wire is None or not self._wire.full:
            await self._send(message)
            return
        patience = asyncio.get_running_loop().call_later(self._timeout_s, self.cut)
        try:
            await self._send(message)
        finally:
            patience.cancel()

    def drop(self) -> None:
        """End the connection, with all that was not read."""
        if self._wire is not None:
            self._wire.abort()

    def cut(self) -> None:
        """Cancel the watched task, as for a client that has gone."""
        if not self.gone and self._task is not None:
            self.gone = True
            self._task.cancel()
