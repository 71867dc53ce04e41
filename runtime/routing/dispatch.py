"""One call's way through the pool: admission, attempts on one replica after the other, its end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final, Protocol

from base.energy import Energy
from base.errors import BatchinError
from runtime.engine import EngineCall, Event, Fault, Meter
from runtime.routing.attempt import MOVED, Attempt
from runtime.routing.hedge import Hedge
from runtime.routing.line import MovedAway, Place
from runtime.routing.race import Racers, first_answer, stop
from runtime.routing.replica import Replica

ATTEMPTS: Final = 3
_FINAL: Final = frozenset({"invalid", "context"})  # faults of the call: another replica says the same


class Router(Protocol):
    """Finds replicas."""

    @property
    def hedge(self) -> Hedge | None: ...

    def admit(self, call: EngineCall, deadline_s: float, tried: frozenset[str]) -> tuple[Replica, Place]:
        """The best replica that was not tried, and a place on it. Raises BatchinError."""

    def spare(self, call: EngineCall, tried: frozenset[str]) -> tuple[Replica, Place] | None:
        """A replica that would run the call at once, and a place on it."""


class Dispatch:
    """Made by the pool, which admits the call: it holds a place until ``close``.

    ``call`` is as it was asked; its meter is right after ``close``. ``start`` tries again on other
    replicas, each time under a new request id, for as long as the caller was shown nothing; so does
    ``again`` for a caller who waits for the whole answer.
    """

    def __init__(self, router: Router, call: EngineCall, deadline_s: float) -> None:
        """Raises what ``Router.admit`` raises."""
        self.call = call
        self._router = router
        self._deadline_s = deadline_s
        self._number = 1
        self._tried: frozenset[str] = frozenset()
        self._losing: asyncio.Task[None] | None = None
        self._attempt = Attempt(*router.admit(call, deadline_s, self._tried), call)

    @property
    def replica(self) -> Replica:
        """Where the call runs, or ran last."""
        return self._attempt.replica

    @property
    def energy(self) -> Energy | None:
        """What the call took there so far, of attempts the last one; None where no power is known."""
        return self.replica.energy(self._attempt.busy_s)

    @property
    def events(self) -> AsyncIterator[Event]:
        """The events after the first one; to be read anew after ``again``."""
        return self._attempt.events

    async def start(self) -> Event:
        """The first event: Started, or the Fault that no other replica could mend."""
        first = await self._first()
        while isinstance(first, Fault):
            if not await self._moved_on(first):
                return first
            first = await self._first()
        return first

    async def again(self, fault: Fault) -> Event:
        """After a fault in a run of which nothing was shown: what ``start`` says on other replicas."""
        if await self._moved_on(fault):
            return await self.start()
        return fault

    def failed(self, fault: Fault) -> None:
        """The pool is told of a fault among ``events``."""
        self._attempt.failed(fault)

    async def close(self) -> None:
        """Abort what still runs and free the place; a second time does nothing."""
        losing, self._losing = self._losing, None
        try:
            await self._attempt.close()
        finally:
            if losing is not None:
                await losing
        if self._attempt.call.meter is not self.call.meter:
            self.call.meter.usage = self._attempt.call.meter.usage

    async def _first(self) -> Event:
        attempt = self._attempt
        try:
            await attempt.turn()
        except MovedAway:
            return MOVED
        hedge = self._router.hedge
        if hedge is None:
            return await attempt.first()
        return await self._first_of_two(attempt, hedge)

    async def _moved_on(self, fault: Fault) -> bool:
        """Whether the call has a place on another replica now."""
        unsent = fault is MOVED
        if fault.kind in _FINAL or (self._number >= ATTEMPTS and not unsent):
            return False
        await self._attempt.close()
        self._tried |= {self._attempt.replica.id}
        try:
            found = self._router.admit(self.call, self._deadline_s, self._tried)
        except BatchinError:
            return False
        self._attempt = Attempt(*found, self._attempt.call if unsent else self._next_call())
        return True

    def _next_call(self) -> EngineCall:
        """The call under a request id of its own, measured anew."""
        self._number += 1
        return replace(self.call, rid=f"{self.call.rid}-a{self._number}", meter=Meter())

    async def _first_of_two(self, attempt: Attempt, hedge: Hedge) -> Event:
        """When the first event is late, another replica is asked too: who answers first goes on, the
        other is aborted and costs the caller nothing."""
        began_s = attempt.replica.line.now_s()
        racers: Racers = {asyncio.create_task(attempt.first()): attempt}
        try:
            late_s = hedge.late_s(self.call.model)
            if late_s is not None and not (await asyncio.wait(racers, timeout=late_s))[0]:
                await self._add_rival(racers)
            winner = await first_answer(racers)
        except BaseException:
            await stop(racers)
            raise
        self._attempt = racers.pop(winner)
        if racers:
            self._losing = asyncio.create_task(stop(racers))
        first = winner.result()
        if not isinstance(first, Fault):
            hedge.seen(self.call.model, self._attempt.replica.line.now_s() - began_s)
        return first

    async def _add_rival(self, racers: Racers) -> None:
        self._tried |= {self._attempt.replica.id}
        found = self._router.spare(self.call, self._tried)
        if found is None:
            return
        rival = Attempt(*found, self._next_call())
        try:
            await rival.turn()
        except MovedAway:
            await rival.close()
            return
        racers[asyncio.create_task(rival.first())] = rival
