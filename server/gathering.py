"""A transport that hands on what was written in one turn of the loop as one piece.

uvicorn writes a head and a body one after the other, and a stream's chunks each by itself; every write
is a system call and a packet. What is ready at the same time leaves together; nothing waits for more.
"""

import asyncio
from typing import Any, Final

_AT_ONCE_BYTES: Final = 65_536
_LINGER_S: Final = 60.0


class Gathering(asyncio.Transport):
    """Stands between a protocol and its transport. Writing back-pressure is the transport's own: it sees
    the bytes at the end of the turn, or as soon as they are 64 KiB. Closed, it waits ``linger_s`` for a
    reader to take what is left, and no longer."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        linger_s: float = _LINGER_S,
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._linger_s = linger_s
        self._pieces: list[bytes | bytearray | memoryview] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._pieces:
            self._loop.call_soon(self._hand_on)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= _AT_ONCE_BYTES:
            self._hand_on()

    def close(self) -> None:
        self._hand_on()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(self._linger_s, self._transport.abort)

    def abort(self) -> None:
        self._pieces.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        return self._size + self._transport.get_write_buffer_size()

    def _hand_on(self) -> None:
        pieces, self._pieces, self._size = self._pieces, [], 0
        if pieces and not self._transport.is_closing():
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
