"""What a local engine and its child say to each other: a small JSON head and bytes, one frame a message.

A frame is two big-endian 32 bit lengths, the head, the payload. One connection carries one question and
its answers; who closes it early no longer wants the rest.
"""

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

_LENGTHS: Final = struct.Struct(">II")

END: Final[Mapping[str, Any]] = {"event": "end"}
"""The last of an answer that is whole; a fault is a last one, too. Without one the child went away."""

Frame = tuple[Mapping[str, Any], bytes]


def packed(head: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """The bytes of a frame."""
    text = json.dumps(dict(head)).encode()
    return _LENGTHS.pack(len(text), len(payload)) + text + payload


def read(stream: BinaryIO) -> Frame:
    """The next frame, blocking. Raises EOFError where the stream ends first."""
    head_size, size = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    return json.loads(_exactly(stream, head_size)), _exactly(stream, size)


async def receive(stream: asyncio.StreamReader) -> Frame:
    """The next frame. Raises asyncio.IncompleteReadError where the stream ends first."""
    head_size, size = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
    return json.loads(await stream.readexactly(head_size)), await stream.readexactly(size)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
