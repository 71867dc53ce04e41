"""A scripted HTTP server on loopback: says exactly the bytes that a test wants an engine to say."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson

Script = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request as it came, and the way to answer it."""

    head: str
    body: bytes
    number: int
    writer: asyncio.StreamWriter
    closed: asyncio.Event

    def json(self) -> dict[str, object]:
        decoded = orjson.loads(self.body)
        assert isinstance(decoded, dict)
        return decoded

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def say_in_bits(self, data: bytes, size: int) -> None:
        for start in range(0, len(data), size):
            await self.say(data[start : start + size])
            await asyncio.sleep(0)

    async def stream(self, *payloads: bytes, end: bytes = b"data: [DONE]\n\n") -> None:
        """A chunked event stream of these payloads, whole."""
        await self.say(EVENT_STREAM)
        for payload in payloads:
            await self.say(chunk(b"data: " + payload + b"\n\n"))
        await self.say(*((chunk(end),) if end else ()), b"0\r\n\r\n")

    def reset(self) -> None:
        self.writer.transport.abort()


@dataclass
class ScriptedServer:
    """What the server saw."""

    port: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


EVENT_STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(body: bytes, status: str = "200 OK", extra: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + extra + b"\r\n" + body


def piece(content: str, index: int = 0, **members: object) -> bytes:
    """A chunk of a chat completion stream."""
    choice = {"index": index, "delta": {"content": content}, "finish_reason": None, **members}
    return orjson.dumps({"model": "m", "choices": [choice]})


def finish(index: int = 0, reason: str = "stop") -> bytes:
    choice = {"index": index, "delta": {}, "finish_reason": reason}
    return orjson.dumps({"model": "m", "choices": [choice]})


def usage(prompt: int, completion: int, **members: object) -> bytes:
    told = {"prompt_tokens": prompt, "completion_tokens": completion, **members}
    return orjson.dumps({"model": "m", "choices": [], "usage": told})


@asynccontextmanager
async def scripted(script: Script, port: int = 0) -> AsyncIterator[ScriptedServer]:
    """Run a server that answers each request by the script, several on one connection."""
    seen = ScriptedServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        closed = asyncio.Event()
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                exchange = Exchange(head, body, len(seen.exchanges) + 1, writer, closed)
                seen.exchanges.append(exchange)
                watch = asyncio.create_task(_watch(reader, closed))
                try:
                    await script(exchange)
                finally:
                    watch.cancel()
                    await asyncio.gather(watch, return_exceptions=True)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            closed.set()
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watch(reader: asyncio.StreamReader, closed: asyncio.Event) -> None:
    """Sees the client leave while an answer is being written."""
    try:
        while not reader.at_eof():  # noqa: ASYNC110 - a reader has no event for its end
            await asyncio.sleep(0.001)
    except ConnectionError:
        pass
    closed.set()
