"""The engines of this server: who serves a call, how many run at once, who waits."""

import asyncio
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from base.errors import EngineNotConfigured, EngineOverloaded, RateLimited, ServiceUnavailable
from runtime.engine import EngineCall, EngineHealth, Modality
from runtime.hardware import Inventory, totals
from runtime.routing.affinity import preferred
from runtime.routing.dispatch import Dispatch
from runtime.routing.hedge import Hedge
from runtime.routing.line import Place
from runtime.routing.replica import Replica

_LOOK_S: Final = 1.0
_log = logging.getLogger("batchin.pool")


class Engines:
    """Starts and stops the replicas, looks after them, and gives out places on them."""

    def __init__(self, replicas: Sequence[Replica], hedge: Hedge | None = None) -> None:
        self._replicas = {replica.id: replica for replica in replicas}
        if len(self._replicas) != len(replicas):
            raise ValueError("two replicas share an id")
        self.hedge = hedge
        self._stack = AsyncExitStack()
        self._watching: tuple[asyncio.Task[None], ...] = ()

    async def __aenter__(self) -> Self:
        """All start at once. Raises what the first of them raises that can't start; none is left."""
        async with AsyncExitStack() as stack:
            starts = [stack.enter_async_context(replica.engine) for replica in self]
            results = await asyncio.gather(*starts, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
            self._watching = tuple(asyncio.create_task(self._watch(replica)) for replica in self)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self._stack.__aexit__(kind, error, traceback)

    def __iter__(self) -> Iterator[Replica]:
        return iter(self._replicas.values())

    def get(self, replica_id: str) -> Replica | None:
        return self._replicas.get(replica_id)

    def serves(self, modality: Modality) -> bool:
        """Whether an engine for this is up now."""
        return any(modality in replica.engine.modalities and replica.up for replica in self)

    def answers(self, modality: Modality, model: str) -> bool:
        """Whether a replica that is up serves a model; ``model`` is the engine's id."""
        return any(replica.serves(modality, model) and replica.up for replica in self)

    def dispatch(self, call: EngineCall, deadline_s: float) -> Dispatch:
        """Admit a call, before anything is paid. ``deadline_s`` is a monotonic clock's time.

        Raises EngineNotConfigured, ServiceUnavailable when every engine is down, EngineOverloaded and
        RateLimited when the queues are full or so long that the call would end too late.
        """
        return Dispatch(self, call, deadline_s)

    def admit(self, call: EngineCall, deadline_s: float, tried: frozenset[str]) -> tuple[Replica, Place]:
        """As ``runtime.routing.dispatch.Router`` tells."""
        refusal: EngineOverloaded | RateLimited | None = None
        for replica in preferred(call, self._ready(call, tried)):
            try:
                return replica, replica.admit(call, deadline_s)
            except (EngineOverloaded, RateLimited) as error:
                refusal = _sooner(refusal, error)
        assert refusal is not None  # there is at least one that is ready
        raise refusal

    def spare(self, call: EngineCall, tried: frozenset[str]) -> tuple[Replica, Place] | None:
        """As ``runtime.routing.dispatch.Router`` tells."""
        free = [
            replica
            for replica in self._meant_for(call)
            if replica.id not in tried and replica.takes_calls and replica.line.has_free_turn(call.lane)
        ]
        if not free:
            return None
        best = preferred(call, free)[0]
        return best, best.admit(call, math.inf)

    def health(self) -> list[EngineHealth]:
        return [replica.health() for replica in self]

    def inventory(self) -> list[Inventory]:
        """What the engines that are up run on; engines on this machine share it, so it counts once."""
        up = [replica for replica in self if replica.up]
        shared = {replica.inventory() for replica in up if replica.service.machine is not None}
        return totals([*shared, *(r.inventory() for r in up if r.service.machine is None)])

    def cards(self, lane: str) -> int | None:
        """How many accelerators a lane has on engines that are up; None where one does not tell."""
        offering = [replica for replica in self if replica.up and lane in replica.service.lanes]
        counts = [row.hardware.count for row in totals(replica.inventory() for replica in offering)]
        return None if None in counts else sum(count or 0 for count in counts)

    async def look_at(self, replica: Replica) -> None:
        """Ask it for its load. Calls that are stuck there are freed, where others could run them; else
        they have the time that a first event may take."""
        await replica.look()
        for waiting in replica.stuck():
            if any(r is not replica and r.takes_calls for r in self._meant_for(waiting.call)):
                waiting.give_up()

    async def _watch(self, replica: Replica) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self.look_at(replica)
            except Exception:  # noqa: BLE001 - whatever it was, the next look may go well
                _log.exception("%s can't be looked at", replica.id)

    def _meant_for(self, call: EngineCall) -> list[Replica]:
        """Raises EngineNotConfigured."""
        serving = [replica for replica in self if replica.serves(call.modality, call.model)]
        if not serving:
            raise EngineNotConfigured(f"This server has no {call.modality} engine.")
        meant = [replica for replica in serving if replica.open_to(call)]
        if not meant:
            raise EngineNotConfigured(
                f"No engine for this model serves the lane {call.lane!r} in the region {call.region!r}."
            )
        return meant

    def _ready(self, call: EngineCall, tried: frozenset[str]) -> list[Replica]:
        """Raises EngineNotConfigured and ServiceUnavailable."""
        meant = self._meant_for(call)
        ready = [replica for replica in meant if replica.takes_calls and replica.id not in tried]
        if ready:
            return ready
        waits = [replica.breaker.wait_s for replica in meant if replica.up]
        raise ServiceUnavailable(
            "The engine is starting, being restarted or failing.",
            retry_after_s=max(1, math.ceil(min(waits, default=1))),
        )


def _sooner(
    one: EngineOverloaded | RateLimited | None, other: EngineOverloaded | RateLimited
) -> EngineOverloaded | RateLimited:
    """Of two refusals, the one that is over first."""
    if one is None or (one.retry_after_s or 1) > (other.retry_after_s or 1):
        return other
    return one
