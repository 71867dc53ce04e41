"""Contents sealed piece by piece: written as a stream, read from any place."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Final

from base.sealing import PIECE_BYTES, SEAL_BYTES, Pieces
from tools.files.objects import Objects, ObjectWriter

_AT_ONCE: Final = 16
_BATCH_BYTES: Final = _AT_ONCE * PIECE_BYTES
_BOX_BYTES: Final = PIECE_BYTES + SEAL_BYTES


class SealedWriter:
    """Seals a stream into an object; ``size`` and ``sha256`` are the content's own."""

    def __init__(self, writer: ObjectWriter, pieces: Pieces) -> None:
        self._writer = writer
        self._pieces = pieces
        self._waiting = bytearray()
        self._next = 0
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> bytes:
        return self._hash.digest()

    async def write(self, data: bytes) -> None:
        """Raises OSError."""
        self._waiting += data
        self.size += len(data)
        if len(self._waiting) > _BATCH_BYTES:
            whole = (len(self._waiting) - 1) // PIECE_BYTES * PIECE_BYTES  # the last piece is marked
            await self._flush(bytes(self._waiting[:whole]), last=False)
            del self._waiting[:whole]

    async def finish(self) -> str:
        """The object's name; it is durable. Raises OSError."""
        await self._flush(bytes(self._waiting), last=True)
        return await self._writer.finish()

    async def discard(self) -> None:
        await self._writer.discard()

    async def _flush(self, data: bytes, *, last: bool) -> None:
        await self._writer.write(await asyncio.to_thread(self._sealed, data, last))

    def _sealed(self, data: bytes, last: bool) -> bytes:
        self._hash.update(data)
        boxes: list[bytes] = []
        starts = range(0, len(data), PIECE_BYTES) if data else (0,)
        for start in starts:
            piece = data[start : start + PIECE_BYTES]
            ends = last and start + PIECE_BYTES >= len(data)
            boxes.append(self._pieces.seal(self._next, piece, last=ends))
            self._next += 1
        return b"".join(boxes)


async def read_sealed(
    objects: Objects, name: str, pieces: Pieces, size: int, start: int, end: int
) -> AsyncIterator[bytes]:
    """The content from ``start`` up to ``end`` (exclusive), in parts of at most a mebibyte.

    Raises OSError, Unsealable when the object is not what was written.
    """
    final = max(0, (size - 1) // PIECE_BYTES)
    number = start // PIECE_BYTES
    while start < end:
        count = min(_AT_ONCE, final - number + 1)
        sealed = await objects.read(name, number * _BOX_BYTES, count * _BOX_BYTES)
        opened = await asyncio.to_thread(_opened, pieces, sealed, number, final)
        begin = start - number * PIECE_BYTES
        part = opened[begin : begin + end - start]
        yield part
        start += len(part)
        number += count


def _opened(pieces: Pieces, sealed: bytes, number: int, final: int) -> bytes:
    found: list[bytes] = []
    for start in range(0, max(1, len(sealed)), _BOX_BYTES):
        found.append(pieces.open(number, sealed[start : start + _BOX_BYTES], last=number == final))
        number += 1
    return b"".join(found)
