"""One try of a call on one replica: its turn, its first event, the rest, its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final

from runtime.engine import EngineCall, Event, Fault
from runtime.routing.breaker import Pass
from runtime.routing.line import MovedAway, Place
from runtime.routing.replica import Replica

MOVED: Final = Fault("unavailable", retryable=True, status=503, detail="the replica takes no more calls")
_SILENT: Final = Fault("stalled", retryable=True, status=504, detail="the replica is silent")
_NOTHING: Final = Fault("truncated", retryable=True, status=502, detail="no event at all")


class Attempt:
    """``turn``, then ``first``, then read ``events``; ``close`` in every case."""

    def __init__(self, replica: Replica, place: Place, call: EngineCall) -> None:
        self.replica = replica
        self.call = call
        self.events: AsyncIterator[Event] = _no_events()
        self._place = place
        self._run: AbstractAsyncContextManager[AsyncIterator[Event]] | None = None
        self._passed = Pass.ORDINARY
        self._judged = False
        self._mark: float | None = None
        self._busy_s = 0.0
        self._sent_at_s = 0.0
        self._reading: asyncio.Task[object] | None = None
        self._given_up = False

    @property
    def waited_s(self) -> float:
        """Since the call was sent to the replica."""
        return self.replica.line.now_s() - self._sent_at_s

    @property
    def busy_s(self) -> float:
        """Its share of the replica's busy time, in seconds."""
        if self._mark is None:
            return self._busy_s
        return self.replica.busy.since(self._mark)

    async def turn(self) -> None:
        """Wait for the turn. Raises MovedAway."""
        await self._place.turn()
        if not self.replica.takes_calls:
            raise MovedAway
        self._passed = self.replica.breaker.enter()
        self._mark = self.replica.busy.enter()

    async def first(self) -> Event:
        """The first event; nothing of the call was shown to anybody before it."""
        run = self.replica.engine.run(self.call)
        self.events = await run.__aenter__()
        self._run = run
        self._sent_at_s = self.replica.line.now_s()
        self._reading = task = asyncio.current_task()
        self.replica.waiting.add(self)
        try:
            first = await anext(self.events, _NOTHING)
        except asyncio.CancelledError:
            if not self._given_up or task is None or task.uncancel() > 0:
                raise
            first = _SILENT
        finally:
            self.replica.waiting.discard(self)
        if isinstance(first, Fault):
            self.failed(first)
        else:
            self._judged = True
            self.replica.breaker.succeeded(self._passed)
        return first

    def failed(self, fault: Fault) -> None:
        """The replica is told of a fault, a later one than the first event too."""
        self.replica.failed(fault, Pass.ORDINARY if self._judged else self._passed, self.call.tenant)
        self._judged = True

    def give_up(self) -> None:
        """End the wait for the first event with a Fault."""
        if self._reading is not None and not self._given_up:
            self._given_up = True
            self._reading.cancel()

    async def close(self) -> None:
        """Abort what still runs and free the place; a second time does nothing."""
        run, self._run = self._run, None
        try:
            if run is not None:
                await run.__aexit__(None, None, None)
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._mark is not None:
            self._busy_s = self.replica.busy.leave(self._mark)
            self._mark = None
            if not self._judged:
                self.replica.breaker.abandoned(self._passed)
        self._place.release()


async def _no_events() -> AsyncIterator[Event]:
    return
    yield  # makes it a generator
