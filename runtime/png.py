"""Whether bytes are a whole PNG file (ISO/IEC 15948): every chunk as it was written, all rows there."""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEAD: Final = struct.Struct(">IIBBBBB")  # width, height, depth, colour, compression, filter, interlace
_FRAME: Final = 12  # length, type and CRC around the data of a chunk
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE: Final = 3
_PASSES: Final = (  # Adam7: first column and row, steps between columns and rows
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)),
    (0, 1, 1, 2),
)
_MOST_PIXELS: Final = 67_108_864
_STEP: Final = 1_048_576


def png_size(data: bytes) -> tuple[int, int]:
    """Its width and height in pixels. Raises ValueError for anything else; unpacks a step at a time and
    no more than the head announces."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("no PNG file")
    chunks = _chunks(data)
    kind, head = next(chunks)
    if kind != b"IHDR" or len(head) != _HEAD.size:
        raise ValueError("no IHDR")
    width, height, depth, colour, compression, filtering, interlace = _HEAD.unpack(head)
    if not (0 < width * height <= _MOST_PIXELS) or depth not in _DEPTHS.get(colour, ()):
        raise ValueError("a head that can't be")
    if compression or filtering or interlace > 1:
        raise ValueError("methods that nobody knows")
    rows = _Rows(_raw_size(width, height, depth * _SAMPLES[colour], interlaced=bool(interlace)))
    coloured = colour != _PALETTE
    for kind, body in chunks:
        coloured |= kind == b"PLTE"
        if kind == b"IDAT":
            rows.take(body)
    if not (coloured and rows.whole):
        raise ValueError("a palette or rows are missing")
    return width, height


class _Rows:
    """Unpacks the rows and counts them; nothing is kept."""

    def __init__(self, size: int) -> None:
        self._unpacking = zlib.decompressobj()
        self._left = size

    @property
    def whole(self) -> bool:
        return self._unpacking.eof and self._left == 0

    def take(self, data: bytes) -> None:
        """Raises ValueError for what can't be unpacked, or is more than was announced."""
        while data and not self._unpacking.eof:
            try:
                self._left -= len(self._unpacking.decompress(data, _STEP))
            except zlib.error as error:
                raise ValueError(str(error)) from None
            if self._left < 0:
                raise ValueError("more rows than announced")
            data = self._unpacking.unconsumed_tail


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and data of each, up to IEND, which ends the file. Raises ValueError."""
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        if len(data) < at + _FRAME:
            raise ValueError("the file ends too early")
        size = int.from_bytes(data[at : at + 4], "big")
        end = at + 8 + size
        kind, body, check = data[at + 4 : at + 8], data[at + 8 : end], data[end : end + 4]
        if check != zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big"):
            raise ValueError("a chunk is damaged")
        yield kind, body
        at = end + 4


def _raw_size(width: int, height: int, bits: int, *, interlaced: bool) -> int:
    """Bytes of all rows, a filter byte before each (section 7.3 and 8.2)."""
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    size = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            size += rows * (1 + (columns * bits + 7) // 8)
    return size
