"""A response as it comes in on one of our own connections."""

import asyncio
from typing import Final, Protocol

from runtime.http.failure import BadResponse, ConnectionLost, HttpFailure, ReaderTooSlow
from runtime.http.message import Limits

_PAUSE_BYTES: Final = 65_536
_FINISH_S: Final = 1.0


class Carrier(Protocol):
    """What a response needs of the connection that carries it."""

    loop: asyncio.AbstractEventLoop
    limits: Limits
    last_s: float

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def finish_within(self, seconds: float) -> None: ...

    def abort(self) -> None: ...

    def fail(self, failure: HttpFailure) -> None: ...


class PlainResponse:
    """A response on a connection, as ``runtime.http.message.Response`` tells.

    Until the reader says how it reads, the connection pauses past 64 KiB; a live stream never pauses
    (an engine that waits for us looks stalled), it is aborted when its reader falls too far behind.
    """

    def __init__(self, carrier: Carrier) -> None:
        self.status = 0
        self._carrier = carrier
        self._headers: list[tuple[bytes, bytes]] = []
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._live = False
        self._ended = False
        self._discards = False
        self._failure: HttpFailure | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def heard_s(self) -> float:
        return self._carrier.last_s

    def header(self, name: str) -> str | None:
        wanted = name.lower().encode()
        values = [value for key, value in self._headers if key.lower() == wanted]
        return values[-1].decode("latin-1") if values else None

    async def head(self) -> None:
        """Wait for the status line and the headers."""
        while not self.status:
            if self._failure is not None:
                raise self._failure
            await self._news()

    async def chunk(self) -> bytes:
        if not self._live:
            self._live = True
            self._resume()
        while not self._unread:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b""
            await self._news()
        return self._take()

    async def read(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            if self._unread:
                parts.append(self._take())
                size += len(parts[-1])
            if size > limit:
                raise BadResponse(f"a body of over {limit} bytes")
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b"".join(parts)
            self._resume()
            await self._news()

    def finish(self) -> None:
        if self._ended or self._failure is not None:
            return
        self._discards = True
        self._unread_bytes = 0
        self._resume()
        self._carrier.finish_within(_FINISH_S)

    def close(self) -> None:
        if not self._ended and not self._discards:
            self.fail(ConnectionLost("closed by us"))
            self._carrier.abort()

    def arrived(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The head is complete."""
        self._headers = headers
        self.status = status
        self._wake()

    def push(self, data: bytes) -> None:
        """A part of the body has arrived."""
        self._unread_bytes += len(data)
        if self._discards:
            if self._unread_bytes > _PAUSE_BYTES:
                self._carrier.abort()
            return
        self._unread.append(data)
        if self._waiter is not None:
            self._wake()
        elif self._live:
            if self._unread_bytes > self._carrier.limits.unread_bytes:
                self._carrier.fail(ReaderTooSlow("the reader of a live stream fell behind"))
        elif self._unread_bytes > _PAUSE_BYTES:
            self._carrier.pause()

    def end(self) -> None:
        """The body is complete; the connection may already carry another response."""
        self._ended = True
        self._wake()

    def fail(self, failure: HttpFailure) -> None:
        """The rest of the body will not come."""
        if not self._ended and self._failure is None:
            self._failure = failure
            self._wake()

    def _resume(self) -> None:
        if not self._ended:
            self._carrier.resume()

    def _take(self) -> bytes:
        unread = self._unread
        data = unread[0] if len(unread) == 1 else b"".join(unread)
        unread.clear()
        self._unread_bytes = 0
        return data

    async def _news(self) -> None:
        self._waiter = self._carrier.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
