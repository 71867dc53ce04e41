"""Server-sent events that we make ourselves, by sse-starlette: with pings while nothing is to be told.

Two habits of the library are turned off. It ends every stream as soon as the server is asked to stop,
where ours get time to end; and it logs each piece of an answer at level debug, where no text belongs.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from sse_starlette import EventSourceResponse
from sse_starlette.sse import AppStatus
from starlette.types import Message, Scope, Send

from server.web.respond import HeaderList

_AHEAD: Final = 256  # events that may wait for a slow reader before the answer waits for it
_PING_S: Final = 15

logging.getLogger("sse_starlette").setLevel(logging.INFO)
AppStatus.enable_automatic_graceful_drain = False


class EventWriter:
    """Writes the events of one stream."""

    def __init__(self, sender: MemoryObjectSendStream[bytes]) -> None:
        self._sender = sender

    async def write(self, name: str, data: bytes) -> None:
        """One event; ``data`` is JSON, so it holds no line break. Waits for a reader that is behind."""
        await self._sender.send(b"event: " + name.encode() + b"\ndata: " + data + b"\n\n")


@asynccontextmanager
async def event_stream(scope: Scope, send: Send, headers: HeaderList) -> AsyncIterator[EventWriter]:
    """A stream whose head leaves at once; leaving it ends the stream, after all that was written.

    It is to be used inside a Watch, which knows when the reader left or takes nothing.
    """
    sender, receiver = anyio.create_memory_object_stream[bytes](_AHEAD)
    response = EventSourceResponse(
        receiver, headers={"cache-control": "no-cache"}, ping=_PING_S, sep="\n"
    )
    response.raw_headers.extend(headers)
    sending = asyncio.create_task(response(scope, _never, send))
    try:
        yield EventWriter(sender)
        await sender.aclose()
        await sending
    finally:
        sender.close()
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending


async def _never() -> Message:
    """The watch receives what the reader sends."""
    await anyio.sleep_forever()
    raise AssertionError
