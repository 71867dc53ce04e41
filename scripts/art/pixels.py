"""PNG files as arrays, for measuring pictures: only what the renderer writes (8-bit RGBA or RGB)."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def pixels(png: bytes) -> Pixels:
    """Height x width x 4 (RGBA). Raises ValueError for another kind of PNG (W3C PNG, section 11)."""
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", png[16:29])
    channels = {2: 3, 6: 4}.get(kind)
    if png[:8] != b"\x89PNG\r\n\x1a\n" or depth != 8 or channels is None or interlaced:
        raise ValueError("not an 8-bit RGB or RGBA PNG")
    stride = width * channels
    raw = np.frombuffer(zlib.decompress(_image_data(png)), np.uint8).reshape(height, stride + 1)
    rows = np.zeros((height, stride), np.uint8)
    above = np.zeros(stride, np.uint8)
    for y in range(height):
        above = _unfiltered(int(raw[y, 0]), raw[y, 1:], above, channels)
        rows[y] = above
    shaped = rows.reshape(height, width, channels)
    if channels == 4:
        return shaped
    opaque = np.full((height, width, 1), 255, np.uint8)
    return np.concatenate([shaped, opaque], axis=2)


def _image_data(png: bytes) -> bytes:
    parts, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            parts.append(png[at + 8 : at + 8 + length])
        at += length + 12
    return b"".join(parts)


def _unfiltered(kind: int, row: Any, above: Any, channels: int) -> Pixels:
    """Filters 0 to 4 of PNG, section 9.2."""
    if kind == 0:
        return np.array(row, np.uint8)
    if kind == 2:
        return np.array(row + above, np.uint8)
    if kind == 1:
        lanes = row.reshape(-1, channels)
        return np.cumsum(lanes, axis=0, dtype=np.uint8).reshape(-1)
    made = bytearray(row.tobytes())
    up = above.tobytes()
    for i in range(len(made)):
        left = made[i - channels] if i >= channels else 0
        corner = up[i - channels] if i >= channels else 0
        guess = (left + up[i]) // 2 if kind == 3 else _paeth(left, up[i], corner)
        made[i] = (made[i] + guess) & 255
    return np.frombuffer(bytes(made), np.uint8)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    away = abs(guess - left), abs(guess - up), abs(guess - corner)
    if away[0] <= away[1] and away[0] <= away[2]:
        return left
    return up if away[1] <= away[2] else corner
