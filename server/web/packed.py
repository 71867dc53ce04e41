"""Request bodies that may be packed with gzip: unpacked only as far as their limit."""

import asyncio
import zlib
from dataclasses import replace
from typing import Final

from starlette.types import Receive

from base.errors import InvalidRequest, UnsupportedMediaType
from server.web.request import CODING, Head, read_body, too_large

_GZIP: Final = 31  # zlib's window, with gzip's head and checksum
_MOST_MEMBERS: Final = 64  # what follows a member is copied


async def read_packed_body(receive: Receive, head: Head, limit: int) -> bytes:
    """The whole body, unpacked. Raises what ``read_body`` does, and InvalidRequest for bad gzip."""
    coding = (head.text(CODING) or "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise UnsupportedMediaType(
            f"Content-Encoding {coding!r} is not taken.",
            resolution="Send the body packed with gzip, or as it is.",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    body = await read_body(receive, as_sent(head), limit)
    return body if coding == "identity" else await asyncio.to_thread(_unpacked, body, limit)


def as_sent(head: Head) -> Head:
    """The head of a body that is read as it came, whatever it is packed with."""
    return replace(head, headers={k: v for k, v in head.headers.items() if k != CODING})


def _unpacked(body: bytes, limit: int) -> bytes:
    """All members of a gzip body (RFC 1952), never more than ``limit`` bytes in memory."""
    parts: list[bytes] = []
    room = limit
    while body:
        if len(parts) == _MOST_MEMBERS:
            raise _bad()
        member = zlib.decompressobj(_GZIP)
        try:
            parts.append(member.decompress(body, room + 1))
        except zlib.error:
            raise _bad() from None
        room -= len(parts[-1])
        if room < 0:
            raise too_large(limit)
        if not member.eof:
            raise _bad()
        body = member.unused_data
    return b"".join(parts)


def _bad() -> InvalidRequest:
    return InvalidRequest(
        f"The body is not whole gzip, or of more than {_MOST_MEMBERS} members.",
        resolution="Pack the body again, or send it bare.",
    )
