"""Answers to work as no server should give them."""

import asyncio
from collections.abc import Mapping
from typing import Final, Literal

import orjson

from tests.fake_sglang import shapes
from tests.fake_sglang.http import Exchange

Wrong = Literal[
    "busy",
    "cut",
    "empty",
    "endless",
    "garbage",
    "gone",
    "html",
    "in_band",
    "null",
    "refused",
    "reset",
    "silent",
]
_BUSY: Final = shapes.error("The request queue is full.", "SERVICE_UNAVAILABLE", 503)
_BROKEN: Final = shapes.error("CUDA error at /srv/sglang/model.py:7", "InternalServerError", 500)
_WHOLE: Final[Mapping[Wrong, tuple[int, bytes]]] = {
    "busy": (503, orjson.dumps(_BUSY)),
    "refused": (500, orjson.dumps(_BROKEN)),
    "gone": (404, b'{"detail": "Not Found"}'),
    "in_band": (200, orjson.dumps({"error": _BUSY})),
    "garbage": (200, b'{"id": 7, "data": [{"ind\xff'),
    "null": (200, b"null"),
    "empty": (200, b""),
    "html": (200, b"<html>Bad Gateway</html>"),
}
_PIECE_S: Final = 0.01


async def answer_wrongly(exchange: Exchange, how: Wrong) -> None:
    """Raises Left where the connection ends."""
    match how:
        case "cut":
            await exchange.raw(b'HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n{"data": [')
            exchange.reset()
        case "reset":
            exchange.reset()
        case "silent":
            await asyncio.Event().wait()
        case "endless":
            await _never_end(exchange)
        case _:
            status, body = _WHOLE[how]
            await exchange.give(status, body, "application/json")


async def _never_end(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await exchange.chunk(b"[" * 64)
        await asyncio.sleep(_PIECE_S)
