"""Bodies that are packed cost what they have in bytes, however many members they are of."""

import gzip
from typing import Any

import pytest

from base.errors import InvalidRequest
from server.web.packed import read_packed_body
from server.web.request import Head

EMPTY = gzip.compress(b"", mtime=0)


async def read(body: bytes) -> bytes:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return await read_packed_body(receive, Head({b"content-encoding": b"gzip"}), 4_194_304)


async def test_members_follow_each_other() -> None:
    assert await read(gzip.compress(b"one ") + EMPTY + gzip.compress(b"two")) == b"one two"


async def test_thousands_of_empty_members_are_not_gone_through() -> None:
    with pytest.raises(InvalidRequest, match="members"):
        await read(EMPTY * 65)
