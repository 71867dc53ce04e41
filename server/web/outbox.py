"""Between a stream and its reader: the one who writes never waits, the one who reads may be slow.

One rule of back-pressure: an engine is never paused. What a reader does not take is held, up to a bound;
past it the reader is cut. The answers of others do not wait for him, and neither does his engine.
"""

import asyncio
from collections import deque
from typing import Final

from starlette.types import Send

from server.web.pieces import PIECE, pieces_of
from server.web.wire import Wire

HELD_MAX: Final = 1_048_576


class ReaderTooSlow(Exception):
    """The reader is behind by more than is held for him."""


class Outbox:
    """The body of one answer. ``close`` in every case: an answer that was not ended is cut.

    What is written in one turn of the loop leaves as one part; nothing waits for more.
    """

    def __init__(self, send: Send, wire: Wire | None, held_max: int = HELD_MAX) -> None:
        self._send = send
        self._wire = wire
        self._held_max = held_max
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._sender: asyncio.Task[None] | None = None
        self._turn: asyncio.Handle | None = None
        self._loop = asyncio.get_running_loop()
        self._ended = False

    async def write(self, data: bytes) -> None:
        """Send at the end of this turn, or hold while the reader is behind. Raises ReaderTooSlow."""
        if self._sender is None and self._held_bytes >= PIECE:
            self._hand_on()
        if self._held_bytes + len(data) > self._held_max:
            raise ReaderTooSlow
        self._held.append(data)
        self._held_bytes += len(data)
        if self._turn is None and self._sender is None:
            self._turn = self._loop.call_soon(self._hand_on)

    async def end(self, data: bytes) -> None:
        """The last part, of any size: waits until the reader took what is held."""
        if self._sender is not None:
            await self._sender
        last = b"".join((*self._held, data))
        self._held.clear()
        for piece in pieces_of({"type": "http.response.body", "body": last}):
            await self._send(piece)
        self._ended = True

    def close(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        if self._sender is not None:
            self._sender.cancel()
        if not self._ended and self._wire is not None:
            self._wire.abort()

    def _hand_on(self) -> None:
        self._turn = None
        if not self._held or self._sender is not None:
            return
        if self._wire is None or self._wire.full:
            self._sender = self._loop.create_task(self._send_held())
            return
        part = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        sending = self._part(part)
        try:
            sending.send(None)  # where the wire is not full, a send ends without waiting
        except StopIteration:
            return
        raise RuntimeError("a send waited for a wire that was not full")

    async def _send_held(self) -> None:
        while self._held:
            piece = self._next_piece()
            await self._part(piece)
            self._held_bytes -= len(piece)
        self._sender = None

    def _next_piece(self) -> bytes:
        """The next few parts: a connection takes 64 KiB before it makes its writer wait."""
        parts = [self._held.popleft()]
        size = len(parts[0])
        while self._held and size + len(self._held[0]) <= PIECE:
            parts.append(self._held.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    async def _part(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
