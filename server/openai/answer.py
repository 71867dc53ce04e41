"""A streamed answer, which may fail before its head left, with a status, or after it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import orjson
from starlette.types import Scope, Send

from base.errors import BatchinError
from server.web.company import Company, Patience
from server.web.headers import failure_headers, stream_headers
from server.web.outbox import HELD_MAX, Outbox
from server.web.payment import as_understood
from server.web.refusal import refusal_headers
from server.web.respond import HeaderList, public_error, send_error, sse
from server.web.wire import wire_of
from tools.core import Call
from tools.invoke import Invoker, Run

EVENTS: Final = "text/event-stream; charset=utf-8"


class Answer:
    """One answer of a tool; ``close`` it in every case. A stream of events tells its failure in band,
    any other ends too early."""

    def __init__(
        self, tool: str, scope: Scope, send: Send, invoker: Invoker, held_max: int = HELD_MAX
    ) -> None:
        self.send = send
        self._tool = tool
        self._scope = scope
        self._observer = invoker.observer
        self._held_max = held_max
        self.call: Call | None = None
        self.run: Run | None = None
        self._body: Outbox | None = None
        self._media_type = EVENTS

    @property
    def begun(self) -> bool:
        """Whether its head left."""
        return self._body is not None

    async def write(self, data: bytes) -> None:
        await self.body.write(data)

    @property
    def body(self) -> Outbox:
        """Where the parts go, once it began."""
        assert self._body is not None
        return self._body

    @asynccontextmanager
    async def streaming(
        self, run: Run, public_key: Callable[[], str], patience: Patience, media_type: str = EVENTS
    ) -> AsyncIterator[Outbox]:
        """Enter a run. The head leaves with its first event; where that is late, of a stream of events
        before it, once the call is paid: bytes have no place for comments and errors."""
        self.run = run

        async def begin() -> None:
            headers = stream_headers(run.call, run.served, public_key(), run.upfront)
            await self._begin(headers, media_type)

        async def begin_early() -> bool:
            if run.paid and media_type == EVENTS and not self.begun:
                await begin()
            return self.begun

        with Company(patience, begin_early, self.write) as company:
            async with run:
                company.end()
                if not self.begun:
                    await begin()
                yield self.body

    async def _begin(self, headers: HeaderList, media_type: str) -> None:
        """It began once the head is on its way: one that still waits for the reader may be given up."""
        head: HeaderList = [
            (b"content-type", media_type.encode()),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
        ]
        await self.send({"type": "http.response.start", "status": 200, "headers": head + headers})
        self._body = Outbox(self.send, wire_of(self._scope), self._held_max)
        self._media_type = media_type

    def close(self) -> None:
        if self._body is not None:
            self._body.close()

    async def fail(self, error: Exception) -> None:
        """Tell the caller; bytes that have no place for it are cut by ``close``."""
        shown = as_understood(public_error(error), self._scope)
        if self._body is None:
            await self._refuse(shown)
        elif self._media_type == EVENTS:
            await self._body.end(sse(orjson.dumps(shown.body())))

    async def _refuse(self, error: BatchinError) -> None:
        if self.call is None:
            headers = refusal_headers(self._observer, self._tool, error)
        else:
            headers = failure_headers(self.call, error, self.run.upfront if self.run else None)
        await send_error(self.send, error, headers)
