"""Those who hold a place on one replica: bounded a lane, and who has the next turn."""

import asyncio
import math
from collections import Counter, deque
from typing import Any, Final

from base.clock import Clock
from base.errors import EngineOverloaded, RateLimited
from runtime.routing.lanes import FILL, rank_of

_WEIGHT: Final = 0.1  # of the newest call in the moving average of durations
_RETRY_MAX_S: Final = 60
_SPREAD: Final = 1.25  # calls last longer than expected too: who is taken in should end in time
_RANKS: Final = 4


class MovedAway(Exception):
    """The replica takes no more calls; those that wait for it should look elsewhere."""


class Line:
    """``max_running`` calls run at once; in each lane ``max_queued`` more may wait, half of them of one
    tenant. A turn goes to the first lane in which one waits; ``fill`` gets turns while the replica has
    nothing else to do."""

    def __init__(self, max_running: int, max_queued: int, clock: Clock) -> None:
        self.running = 0
        self.taken = 0
        self._clock = clock
        self._max_running = max_running
        self._most = max_running + max_queued
        self._most_of_one = max_running + max(1, max_queued // 2)
        self._by_rank = [0] * _RANKS
        self._by_lane: Counter[str] = Counter()
        self._by_tenant: Counter[tuple[str, str]] = Counter()
        self._waiting: list[deque[asyncio.Future[None]]] = [deque() for _ in range(_RANKS)]
        self._mean_s = 0.0
        self._since_s: dict[Place, float] = {}
        self._others = 0
        self._ran_out = asyncio.Event()

    @property
    def queued(self) -> int:
        """Calls that hold a place and do not run."""
        return self.taken - self.running

    def admit(self, lane: str, tenant: str, deadline_s: float) -> "Place":
        """A place for one call. ``deadline_s`` is a monotonic clock's time.

        Raises EngineOverloaded when the lane is full or so long that the call would end after its
        deadline, RateLimited when the tenant alone fills half of it.
        """
        if self.taken >= self._max_running:
            self._check_queue(lane, tenant, deadline_s)
        self.taken += 1
        self._by_rank[rank_of(lane)] += 1
        self._by_lane[lane] += 1
        self._by_tenant[lane, tenant] += 1
        return Place(self, lane, tenant)

    def has_free_turn(self, lane: str) -> bool:
        """Whether a call would run at once."""
        return self.taken < self._max_running and self._may_run(lane)

    def hear_of_others(self, calls: int) -> None:
        """How many calls the replica has in hand that did not come through here."""
        self._others = calls
        self._next()

    def move_away(self) -> None:
        """Who waits gets MovedAway."""
        for waiting in self._waiting:
            for turn in waiting:
                if not turn.done():
                    turn.set_exception(MovedAway())
            waiting.clear()

    async def run_out(self) -> None:
        """Wait until nothing runs."""
        while self.running:
            self._ran_out.clear()
            await self._ran_out.wait()

    async def turn(self, lane: str) -> None:
        """Wait for a turn. Raises MovedAway."""
        rank = rank_of(lane)
        if self._may_run(lane) and not any(self._waiting[: rank + 1]):
            self.running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[rank].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.running -= 1
                self._next()
            raise

    def began(self, place: "Place") -> None:
        """The place's call runs now."""
        self._since_s[place] = self._clock.monotonic_s()

    def left(self, place: "Place") -> None:
        """A place is free again, whether its call had a turn or not."""
        since_s = self._since_s.pop(place, None)
        self.taken -= 1
        self._by_rank[rank_of(place.lane)] -= 1
        _take_one(self._by_lane, place.lane)
        _take_one(self._by_tenant, (place.lane, place.tenant))
        if since_s is not None:
            self.running -= 1
            ran_s = self._clock.monotonic_s() - since_s
            self._mean_s += (_WEIGHT if self._mean_s else 1.0) * (ran_s - self._mean_s)
        self._next()
        if not self.running:
            self._ran_out.set()

    def now_s(self) -> float:
        return self._clock.monotonic_s()

    def _check_queue(self, lane: str, tenant: str, deadline_s: float) -> None:
        wait_s = self._wait_s(lane)
        if self._by_lane[lane] >= self._most:
            raise EngineOverloaded("The engine's queue is full.", retry_after_s=_retry_after_s(wait_s))
        if self._by_tenant[lane, tenant] >= self._most_of_one:
            raise RateLimited(
                "Too many calls of this account wait for the engine.",
                retry_after_s=_retry_after_s(wait_s),
            )
        if wait_s and self.now_s() + _SPREAD * (wait_s + self._call_s()) > deadline_s:
            raise EngineOverloaded(
                "The engine's queue is longer than the time that this call has.",
                retry_after_s=_retry_after_s(wait_s),
            )

    def _wait_s(self, lane: str) -> float:
        """The expected wait of one more: whole rounds of the calls that go before it."""
        before = sum(self._by_rank[: rank_of(lane) + 1])
        rounds = max(0, before - self._max_running + 1) / self._max_running
        return rounds * self._call_s()

    def _call_s(self) -> float:
        """How long a call runs: on average, or at least, before any has ended."""
        if self._mean_s:
            return self._mean_s
        since_s = next(iter(self._since_s.values()), None)
        return 0.0 if since_s is None else self._clock.monotonic_s() - since_s

    def _may_run(self, lane: str) -> bool:
        if lane == FILL and (self._others or self.taken > self._by_lane[FILL]):
            return False
        return self.running < self._max_running

    def _next(self) -> None:
        for rank, waiting in enumerate(self._waiting):
            while waiting and self.running < self._max_running:
                if rank == rank_of(FILL) and not self._may_run(FILL):
                    return
                turn = waiting.popleft()
                if not turn.done():  # else its call was cancelled
                    self.running += 1
                    turn.set_result(None)


class Place:
    """A call's place on a replica, from admission to the end of its run."""

    def __init__(self, line: Line, lane: str, tenant: str) -> None:
        self.lane = lane
        self.tenant = tenant
        self._line = line
        self._released = False

    async def turn(self) -> None:
        """Wait for the turn. Raises MovedAway."""
        await self._line.turn(self.lane)
        self._line.began(self)

    def release(self) -> None:
        """Give the place to the next one; only the first time counts."""
        if self._released:
            return
        self._released = True
        self._line.left(self)


def _take_one(counter: Counter[Any], key: object) -> None:
    """Down by one; what is at zero is forgotten, or tenants would pile up."""
    if counter[key] <= 1:
        del counter[key]
    else:
        counter[key] -= 1


def _retry_after_s(wait_s: float) -> int:
    return max(1, min(_RETRY_MAX_S, math.ceil(wait_s)))
