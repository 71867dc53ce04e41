"""Just enough HTTP/1.1 to be a server whose every byte a test can choose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

_REASONS: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


class Left(Exception):
    """The client is gone, or we ended its connection."""


@dataclass
class Exchange:
    """One request and the way to answer it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    writer: asyncio.StreamWriter

    async def say(self, status: int, answer: Any = None) -> None:
        """A whole answer: JSON, or no body at all."""
        await self.give(status, b"" if answer is None else orjson.dumps(answer), "application/json")

    async def give(self, status: int, body: bytes, media_type: str) -> None:
        """A whole answer of that media type."""
        kind = f"Content-Type: {media_type}\r\n" if body else ""
        await self.raw(_head(status, f"{kind}Content-Length: {len(body)}\r\n") + body)

    async def begin_stream(self) -> None:
        kind = "Content-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n"
        await self.raw(_head(200, kind))

    async def event(self, payload: bytes) -> None:
        await self.chunk(b"data: " + payload + b"\n\n")

    async def chunk(self, data: bytes) -> None:
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def end_stream(self) -> None:
        await self.raw(b"0\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        if self.writer.transport.is_closing():
            raise Left
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection at once. Raises Left."""
        self.writer.transport.abort()
        raise Left


Handler = Callable[[Exchange], Awaitable[None]]


@dataclass
class Listener:
    """A listening server; ``die`` is what kill -9 does to one."""

    port: int = 0
    connections: int = 0
    server: asyncio.Server | None = None
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def die(self) -> None:
        if self.server is not None:
            self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        for task in self.tasks:
            task.cancel()


@asynccontextmanager
async def listening(handler: Handler, port: int = 0) -> AsyncIterator[Listener]:
    listener = Listener()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_serve(reader, writer, handler))
        listener.connections += 1
        listener.tasks.add(task)
        listener.writers.add(writer)
        task.add_done_callback(listener.tasks.discard)
        task.add_done_callback(lambda _: listener.writers.discard(writer))

    listener.server = await asyncio.start_server(accept, "127.0.0.1", port)
    listener.port = listener.server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        listener.die()
        await asyncio.gather(*listener.tasks, return_exceptions=True)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    try:
        while True:
            exchange = await _request(reader, writer)
            await _answer(reader, handler(exchange))
    except (asyncio.IncompleteReadError, ConnectionError, Left):
        pass
    finally:
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader, answering: Awaitable[None]) -> None:
    """Answers unless the client leaves. Raises Left and what the handler raises."""
    work = asyncio.ensure_future(answering)
    leaving = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Left
        work.result()
    finally:
        for task in (work, leaving):
            task.cancel()
        await asyncio.gather(work, leaving, return_exceptions=True)


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, path, _ = first.split(" ")
    return Exchange(method, path, headers, body, writer)


def _head(status: int, lines: str) -> bytes:
    return f"HTTP/1.1 {status} {_REASONS.get(status, 'X')}\r\nServer: uvicorn\r\n{lines}\r\n".encode()
