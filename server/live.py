"""News of an account as server-sent events: /console/events tells pages that calls ended.

A call that ends on this process is told at once; those of other processes on the same store are found
there by their spans, a moment later. Many calls at once are one event; a reader that falls behind misses
none, for an event says only how many calls there were.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from base.clock import Clock
from base.errors import BatchinError, RateLimited, Unauthorized
from server.health import Readiness
from server.web.caller import Callers
from server.web.error_answer import error_answer
from server.web.owner import Owner, owner_of
from server.web.request import Head
from storage.errors import StorageUnavailable
from tools.observe import CallReport

MOST_PER_ACCOUNT: Final = 16
MOST: Final = 512
_PING_S: Final = 15
_LOOK_S: Final = 1.0
_GATHER_S: Final = 0.5
_LATE_US: Final = 5_000_000
"""How much later than its place says a row of another process may come."""
_KNOWN_US: Final = 300_000_000
_log: Final = logging.getLogger("batchin.news")

Elsewhere = Callable[[Collection[str], int], Awaitable[Sequence[tuple[str, str, int]]]]
"""The calls of accounts that other processes kept after a place (microseconds): account, span, place."""


@dataclass(eq=False, slots=True)
class Listener:
    """One reader: how many calls ended since it was last told."""

    calls: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> int:
        calls, self.calls = self.calls, 0
        self.news.clear()
        return calls


@dataclass(eq=False, slots=True)
class _Audience:
    """Who listens to one account since ``since_us``, and which calls of other processes they know."""

    since_us: int
    listeners: set[Listener] = field(default_factory=set)
    known: dict[str, int] = field(default_factory=dict)

    def hear(self, calls: int) -> None:
        for listener in self.listeners:
            listener.calls += calls
            listener.news.set()

    def learn(self, span: str, place_us: int) -> None:
        """Tell of a call of another process, once."""
        if place_us > self.since_us and span not in self.known:
            self.known[span] = place_us
            self.hear(1)

    def forget(self, before_us: int) -> None:
        for span in [span for span, place_us in self.known.items() if place_us < before_us]:
            del self.known[span]


class Feed:
    """An Observer of calls that tells the listeners of the account of a call, and nobody else.
    ``elsewhere`` finds the calls of other processes."""

    def __init__(self, elsewhere: Elsewhere, clock: Clock) -> None:
        self._elsewhere = elsewhere
        self._clock = clock
        self._audiences: dict[str, _Audience] = {}
        self._looked_us = self._now_us()

    def call_ended(self, report: CallReport) -> None:
        if not self._audiences or report.course is None:
            return
        audience = self._audiences.get(report.course.account_id)
        if audience is not None:
            audience.hear(1)

    async def run(self) -> None:
        """Look for the calls of other processes, until cancelled. Trouble is logged and tried again."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self.look()
            except StorageUnavailable:
                _log.error("the store does not tell of calls of other processes")

    async def look(self) -> None:
        """Tell what other processes kept meanwhile. Raises StorageUnavailable."""
        if not self._audiences:
            self._looked_us = self._now_us()
            return
        now_us = self._now_us()
        found = await self._elsewhere(list(self._audiences), min(now_us, self._looked_us) - _LATE_US)
        self._looked_us = now_us
        for account_id, span, place_us in found:
            audience = self._audiences.get(account_id)
            if audience is not None:
                audience.learn(span, place_us)
        for audience in self._audiences.values():
            audience.forget(now_us - _KNOWN_US)

    def join(self, account_id: str) -> Listener:
        """Raises RateLimited."""
        audience = self._audiences.get(account_id) or _Audience(self._now_us() - 1)
        if len(audience.listeners) >= MOST_PER_ACCOUNT or self.size >= MOST:
            raise RateLimited(
                "There are too many streams of news.", resolution="Close one, then try again."
            )
        listener = Listener()
        audience.listeners.add(listener)
        self._audiences[account_id] = audience
        return listener

    def leave(self, account_id: str, listener: Listener) -> None:
        audience = self._audiences[account_id]
        audience.listeners.discard(listener)
        if not audience.listeners:
            del self._audiences[account_id]

    @property
    def size(self) -> int:
        """How many listen."""
        return sum(len(audience.listeners) for audience in self._audiences.values())

    def _now_us(self) -> int:
        return self._clock.now_ms() * 1000


class Left(Response):
    """An answer after which something is done, whether or not its reader stayed to the end."""

    def __init__(self, stream: Response, then: Callable[[], None]) -> None:
        self._stream, self._then = stream, then
        self.status_code = stream.status_code
        self.raw_headers = stream.raw_headers
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._stream(scope, receive, send)
        finally:
            self._then()


@dataclass(frozen=True, slots=True)
class LiveRoutes:
    """The stream ends when the server is told to stop, and when its key is revoked or expires."""

    feed: Feed
    callers: Callers
    readiness: Readiness
    send_timeout_s: float

    def routes(self) -> list[Route]:
        return [Route("/console/events", self._events)]

    async def _events(self, request: Request) -> Response:
        try:
            owner = owner_of(self.callers, request)
            listener = self.feed.join(owner.account_id)
        except BatchinError as error:
            return error_answer(error)
        stream = EventSourceResponse(
            self._told(owner, listener),
            ping=_PING_S,
            send_timeout=self.send_timeout_s,
            headers={"cache-control": "private, no-store", "x-accel-buffering": "no"},
        )
        return Left(stream, lambda: self.feed.leave(owner.account_id, listener))

    async def _told(self, owner: Owner, listener: Listener) -> AsyncIterator[Mapping[str, str]]:
        yield {"event": "ready", "data": "{}"}
        while self.readiness.is_open and self._is_known(owner.head):
            try:
                async with asyncio.timeout(_LOOK_S):
                    await listener.news.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(_GATHER_S)
            yield {"event": "calls", "data": orjson.dumps({"calls": listener.take()}).decode()}

    def _is_known(self, head: Head) -> bool:
        try:
            self.callers.account(head)
        except Unauthorized:
            return False
        return True
