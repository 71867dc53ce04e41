"""One replica of the pool: an engine, what it serves, and what is known of how it does."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from base.clock import Clock
from base.energy import Energy
from runtime.engine import (
    EngineCall,
    EngineHealth,
    EngineState,
    Fault,
    Load,
    Modality,
)
from runtime.hardware import Hardware, Inventory
from runtime.managed import ManagedEngine
from runtime.power.source import PowerSource
from runtime.routing.breaker import Breaker, Pass
from runtime.routing.lanes import DEFAULT_LANES, kind_of, needed_lane
from runtime.routing.line import Line, Place
from runtime.routing.share import BusyShare

ANYWHERE: Final = "local"
"""The region of callers that are not bound to one, and of engines that name none."""
_BROKEN: Final = frozenset({"unavailable", "stalled"})


@dataclass(frozen=True, slots=True)
class Service:
    """What a replica serves, and how much at once. ``power_w`` is what it draws while it works, where
    that is known; ``model_lanes`` are the lanes of models that do not take all of ``lanes``; ``machine``
    is what engines on this machine share."""

    max_running: int
    max_queued: int
    lanes: frozenset[str] = DEFAULT_LANES
    region: str = ANYWHERE
    power_w: float | None = None
    model_lanes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    machine: Hardware | None = None


class Waiting(Protocol):
    """A call that was sent to a replica and saw nothing of it yet."""

    @property
    def call(self) -> EngineCall: ...

    @property
    def waited_s(self) -> float: ...

    def give_up(self) -> None:
        """End its wait with a Fault."""


class Replica:
    """Takes calls in while it is ready, not draining, and its breaker passes them. ``power`` is that
    of what it runs on, where it is measured."""

    def __init__(
        self,
        engine: ManagedEngine,
        service: Service,
        clock: Clock,
        silence_s: float,
        power: PowerSource | None = None,
    ) -> None:
        self.engine = engine
        self.service = service
        self.line = Line(service.max_running, service.max_queued, clock)
        self.breaker = Breaker(clock)
        self.busy = power.busy if power else BusyShare(clock)
        self.waiting: set[Waiting] = set()
        self.faults = 0
        self._power = power
        self._silence_s = silence_s
        self._draining = False
        self._reported = Load(0, 0, 0)
        self._others = 0
        self._failed_by: str | None = None

    @property
    def id(self) -> str:
        return self.engine.id

    @property
    def load(self) -> int:
        """Calls in hand: ours, and those of others as the engine reported lately."""
        return self.line.taken + self._others

    @property
    def up(self) -> bool:
        """Whether calls are routed here, the breaker's word aside."""
        return self.engine.state is EngineState.READY and not self._draining

    @property
    def takes_calls(self) -> bool:
        return self.up and self.breaker.passes

    def serves(self, modality: Modality, model: str) -> bool:
        return modality in self.engine.modalities and model in self.engine.models

    def open_to(self, call: EngineCall) -> bool:
        """Whether the call's lane and region may come here."""
        service, lane = self.service, needed_lane(call.lane)
        at_home = call.region in (ANYWHERE, service.region)
        taken = lane in service.model_lanes.get(call.model, service.lanes)
        return at_home and taken and lane in service.lanes

    def admit(self, call: EngineCall, deadline_s: float) -> Place:
        """Raises EngineOverloaded and RateLimited."""
        return self.line.admit(call.lane, call.tenant, deadline_s)

    def energy(self, busy_s: float) -> Energy | None:
        """Of so much busy time, at the power that the hardware reports, else at the one configured."""
        if self._power is not None and self._power.watts is not None:
            return _energy(self._power.watts, busy_s, "reported_power_busy_share")
        if self.service.power_w is not None:
            return _energy(self.service.power_w, busy_s, "configured_power_busy_share")
        return None

    def inventory(self) -> Inventory:
        """What it runs on and for whom; whose a private lane is stays untold."""
        unknown = Hardware(None, None, None)
        hardware = self.service.machine or self._reported.hardware or unknown
        kinds = tuple(sorted({kind_of(lane) for lane in self.service.lanes}))
        return Inventory(hardware, kinds, self.service.region)

    def drain(self) -> None:
        """No new calls; those that wait for their turn look elsewhere, those that run go on."""
        self._draining = True
        self.line.move_away()

    def resume(self) -> None:
        self._draining = False

    def failed(self, fault: Fault, passed: Pass, tenant: str) -> None:
        """Tell the breaker of a fault, where it is the replica's and not the call's."""
        if not self._to_blame(fault, tenant):
            self.breaker.abandoned(passed)
            return
        self.faults += 1
        self.breaker.failed(passed)
        if not self.breaker.passes:
            self.line.move_away()

    async def look(self) -> None:
        """Ask for its load; a silence that is too long opens the breaker."""
        if self._power is not None:
            await self._power.look()
        before = self.line.running
        reported = self._reported = await self.engine.load()
        ours = max(before, self.line.running)  # what ended meanwhile may be in the report
        self._others = max(0, reported.running + reported.queued - ours)
        self.line.hear_of_others(self._others)
        if not self.takes_calls:
            self.line.move_away()
        if reported.silent_s > self._silence_s and self.breaker.closed:
            self.breaker.trip()
            self.line.move_away()

    def stuck(self) -> list[Waiting]:
        """Calls that share a silence of it that is too long."""
        if self._reported.silent_s <= self._silence_s:
            return []
        return [waiting for waiting in self.waiting if waiting.waited_s > self._silence_s]

    def health(self) -> EngineHealth:
        told = self.engine.health()
        detail: Mapping[str, Any] = {
            **told.detail,
            "lanes": sorted(self.service.lanes),
            "region": self.service.region,
            "running": self.line.running,
            "queued": self.line.queued,
            "faults": self.faults,
            "retry_in_s": math.ceil(self.breaker.wait_s),
        }
        return replace(told, state=self._state(told.state), detail=detail)

    def _to_blame(self, fault: Fault, tenant: str) -> bool:
        """An internal error may be what a caller brought about: of one caller it counts once, so that
        nobody shuts others out by calls that fail."""
        if fault.kind == "internal":
            again = tenant == self._failed_by
            self._failed_by = tenant
            return not again
        return fault.kind in _BROKEN or (fault.kind == "truncated" and fault.retryable)

    def _state(self, told: EngineState) -> EngineState:
        if told is not EngineState.READY:
            return told
        if self._draining:
            return EngineState.DRAINING
        return EngineState.READY if self.breaker.passes else EngineState.SUSPECT


def _energy(power_w: float, busy_s: float, method: str) -> Energy:
    return Energy(round(power_w * busy_s * 1e6 / 3600), method)
