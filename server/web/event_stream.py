"""Server-sent events that we make ourselves, by sse-starlette: with pings while nothing is to be told.

Two habits of the library are turned off. It ends every stream as soon as the server is asked to stop,
where ours get time to end; and it logs each piece of an answer at level debug, where no text belongs.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import AppStatus
from starlette.types import Message, Scope, Send

from server.web.company import PING_S
from server.web.outbox import HELD_MAX, ReaderTooSlow
from server.web.respond import HeaderList

logging.getLogger("sse_starlette").setLevel(logging.INFO)
AppStatus.enable_automatic_graceful_drain = False


class EventWriter:
    """Writes the events of one stream: what a reader does not take is held, up to a bound."""

    def __init__(self) -> None:
        self._sender, self._receiver = anyio.create_memory_object_stream[bytes](math.inf)
        self._held_bytes = 0
        self._taken = asyncio.Event()

    def write(self, name: str, data: bytes) -> None:
        """One event, at once; ``data`` is JSON, so it holds no line break. Raises ReaderTooSlow."""
        event = _event(name, data)
        if self._held_bytes + len(event) > HELD_MAX:
            raise ReaderTooSlow
        self._hold(event)

    async def put(self, name: str, data: bytes) -> None:
        """One event of any size, once there is room for it: for what no engine waits behind."""
        event = _event(name, data)
        while self._held_bytes and self._held_bytes + len(event) > HELD_MAX:
            self._taken.clear()
            await self._taken.wait()
        self._hold(event)

    def _hold(self, event: bytes) -> None:
        self._held_bytes += len(event)
        self._sender.send_nowait(event)

    def close(self) -> None:
        """Nothing more is written."""
        self._sender.close()

    async def events(self) -> AsyncIterator[bytes]:
        """What was written, up to the end."""
        async with self._receiver:
            async for event in self._receiver:
                self._held_bytes -= len(event)
                self._taken.set()
                yield event


@asynccontextmanager
async def event_stream(
    scope: Scope, send: Send, headers: HeaderList, ping_s: float = PING_S
) -> AsyncIterator[EventWriter]:
    """A stream whose head leaves at once; leaving it ends the stream, after all that was written.

    It is to be used inside a Watch, which knows when the reader left or takes nothing.
    """
    writer = EventWriter()
    response = EventSourceResponse(
        writer.events(),
        headers={"cache-control": "no-cache"},
        ping=ping_s,
        ping_message_factory=_ping,
        sep="\n",
    )
    response.raw_headers.extend(headers)
    sending = asyncio.create_task(response(scope, _never, send))
    try:
        yield writer
        writer.close()
        await sending
    finally:
        writer.close()
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending


def events_answer(
    events: AsyncIterator[tuple[str, bytes]],
    headers: HeaderList,
    send_timeout_s: float,
    ping_s: float = PING_S,
) -> EventSourceResponse:
    """An answer of events that are looked up as fast as its reader takes them: names and JSON."""
    response = EventSourceResponse(
        (_event(name, data) async for name, data in events),
        headers={"cache-control": "private, no-store"},
        ping=ping_s,
        ping_message_factory=_ping,
        sep="\n",
        send_timeout=send_timeout_s,
    )
    response.raw_headers.extend(headers)
    return response


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def _ping() -> ServerSentEvent:
    return ServerSentEvent(comment="ping", sep="\n")


async def _never() -> Message:
    """The watch receives what the reader sends."""
    await anyio.sleep_forever()
    raise AssertionError
