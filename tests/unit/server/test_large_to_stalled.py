"""A large answer to a reader who takes nothing: little of it is held, and he is cut in time."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.guard import guarded
from server.web.connection import Watch
from server.web.pieces import PIECE, Patient, pieces_of
from server.web.respond import send_bytes
from server.web.wire import Wire, wire_of

SIZE = 30_000_000  # more than the sockets of both ends take
HELD_MAX = 4 * PIECE


class Large:
    """Answers with many bytes at once; ``held`` is the most that waited for the reader."""

    def __init__(self) -> None:
        self.held = 0
        self.wire: Wire | None = None
        self.ended = asyncio.Event()

    async def watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        with Watch(wire_of(scope), send, 0.2) as watch:
            await self(scope, receive, watch.send)
        self.ended.set()

    async def patient(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Patient(self, 0.2)(scope, receive, send)
        self.ended.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.wire = wire_of(scope)
        looking = asyncio.create_task(self._look())
        try:
            await send_bytes(send, 200, bytes(SIZE))
        finally:
            looking.cancel()

    async def _look(self) -> None:
        assert self.wire is not None
        while True:
            waiting = self.wire.transport.get_write_buffer_size()
            self.held = max(self.held, waiting)
            await asyncio.sleep(0)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """The port of a server of ours with this app."""
    config = uvicorn.Config(app, http=guarded(10), interface="asgi3", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


async def asked(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=PIECE)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return reader, writer


@pytest.mark.parametrize("kind", ["watched", "patient"])
async def test_who_takes_nothing_is_cut_and_little_waited_for_him(kind: str) -> None:
    large = Large()
    async with served(getattr(large, kind)) as port:
        reader, writer = await asked(port)
        await asyncio.wait_for(large.ended.wait(), 60)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(SIZE)
        writer.close()
    assert 0 < large.held <= HELD_MAX


@pytest.mark.parametrize("kind", ["watched", "patient"])
async def test_who_takes_all_gets_all(kind: str) -> None:
    large = Large()
    async with served(getattr(large, kind)) as port:
        reader, writer = await asked(port)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 30000000" in head
        assert await reader.readexactly(SIZE) == bytes(SIZE)
        writer.close()
    assert large.held <= HELD_MAX


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
@pytest.mark.parametrize("more", [False, True])
def test_pieces_are_the_whole_and_the_last_of_them_ends_it(size: int, more: bool) -> None:
    body = bytes(index % 251 for index in range(size))
    message: Message = {"type": "http.response.body", "body": body, "more_body": more}
    pieces = list(pieces_of(message))
    assert b"".join(piece["body"] for piece in pieces) == body
    assert max(len(piece["body"]) for piece in pieces) <= PIECE
    assert [piece["more_body"] for piece in pieces] == [True] * (len(pieces) - 1) + [more]
