"""News of an account as server-sent events: /console/events tells pages that calls ended.

Nothing is stored and nothing is asked of the store: a call that ends on this process is told to those
who listen to its account. Many calls at once are one event; a reader that falls behind misses none, for
an event says only how many calls there were.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
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
from tools.observe import CallReport

MOST_PER_ACCOUNT: Final = 16
MOST: Final = 512
_PING_S: Final = 15
_LOOK_S: Final = 1.0
_KEY_AGAIN_S: Final = 15.0
_GATHER_S: Final = 0.5


@dataclass(eq=False, slots=True)
class Listener:
    """One reader: how many calls ended since it was last told."""

    calls: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> int:
        calls, self.calls = self.calls, 0
        self.news.clear()
        return calls


class Feed:
    """An Observer of calls that tells the listeners of the account of a call, and nobody else."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}

    def call_ended(self, report: CallReport) -> None:
        if not self._listeners or report.course is None:
            return
        for listener in self._listeners.get(report.course.account_id, ()):
            listener.calls += 1
            listener.news.set()

    def join(self, account_id: str) -> Listener:
        """Raises RateLimited."""
        mine = self._listeners.get(account_id, set())
        if len(mine) >= MOST_PER_ACCOUNT or sum(map(len, self._listeners.values())) >= MOST:
            raise RateLimited(
                "There are too many streams of news.", resolution="Close one, then try again."
            )
        listener = Listener()
        self._listeners.setdefault(account_id, set()).add(listener)
        return listener

    def leave(self, account_id: str, listener: Listener) -> None:
        mine = self._listeners[account_id]
        mine.discard(listener)
        if not mine:
            del self._listeners[account_id]

    @property
    def size(self) -> int:
        """How many listen."""
        return sum(map(len, self._listeners.values()))


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
    clock: Clock
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
        checked_s = self.clock.monotonic_s()
        while self.readiness.is_open:
            if self.clock.monotonic_s() - checked_s >= _KEY_AGAIN_S:
                if not self._is_known(owner.head):
                    return
                checked_s = self.clock.monotonic_s()
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
