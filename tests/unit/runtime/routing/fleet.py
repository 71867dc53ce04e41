"""Engines that do as the test says, and pools of them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from base.usage import Usage
from runtime.engine import (
    Delta,
    EngineCall,
    EngineHealth,
    EngineState,
    Event,
    Fault,
    Finish,
    Load,
    Metered,
    Modality,
    Started,
)
from runtime.pool import Engines
from runtime.power.source import PowerSource
from runtime.routing.hedge import Hedge
from runtime.routing.replica import Replica, Service
from tests.clocks import HandClock
from tests.unit.runtime.engines import chat_call

FAR_S = 1e12
RESET = Fault("unavailable", retryable=True, status=502, detail="reset")
GARBAGE = Fault("internal", retryable=False, status=502, detail="no JSON")
INVALID = Fault("invalid", retryable=False, status=400)
MODEL = "tiny-qwen3"


@dataclass
class FakeEngine:
    """Says ``words`` words and ends; ``fault`` comes instead of, or after ``fault_after``, its events.

    While held it says nothing at all, though it ``worked`` for it; it tells of that when it is left, as
    soon as ``told`` is set.
    """

    id: str = "one"
    fault: Fault | None = None
    fault_after: int = 0
    words: int = 2
    fails_to_start: bool = False
    modalities: frozenset[Modality] = frozenset({Modality.CHAT})
    models: frozenset[str] = frozenset({MODEL})
    state: EngineState = EngineState.STARTING
    reported: Load = field(default_factory=lambda: Load(0, 0, 0))
    ran: list[EngineCall] = field(default_factory=list)
    worked: Usage | None = None
    running: int = 0
    finished: int = 0
    most_running: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.released.set()
        self.told.set()

    def hold(self) -> None:
        self.released.clear()

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return self._run(call)

    @asynccontextmanager
    async def _run(self, call: EngineCall) -> AsyncIterator[AsyncIterator[Event]]:
        self.ran.append(call)
        self.entered.set()
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        events = self._events(call)
        try:
            yield events
        finally:
            self.running -= 1
            await events.aclose()
            await self.told.wait()
            call.meter.usage = self.worked or call.meter.usage

    async def _events(self, call: EngineCall) -> AsyncGenerator[Event, None]:
        call.meter.usage = self.worked
        await self.released.wait()
        words = (Delta(0, "w") for _ in range(self.words))
        whole: list[Event] = [Started(MODEL, "", self.id, ""), *words]
        for count, event in enumerate(whole):
            if self.fault is not None and count >= self.fault_after:
                yield self.fault
                return
            call.meter.usage = Usage(3, count)
            yield event
        yield Finish(0, "stop")
        self.finished += 1
        yield Metered(Usage(3, self.words))

    async def abort(self, rid: str) -> None:
        return None

    async def load(self) -> Load:
        return self.reported

    async def ready(self) -> bool:
        return True

    def health(self) -> EngineHealth:
        return EngineHealth(self.id, self.state, tuple(self.models))

    async def __aenter__(self) -> Self:
        if self.fails_to_start:
            raise RuntimeError("no such model")
        self.state = EngineState.READY
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.state = EngineState.STOPPED


SERVICE = Service(max_running=2, max_queued=4)


@asynccontextmanager
async def fleet(
    *engines: FakeEngine,
    services: Sequence[Service] = (),
    clock: HandClock | None = None,
    hedge: Hedge | None = None,
    silence_s: float = 30,
    power: PowerSource | None = None,
) -> AsyncIterator[Engines]:
    """A pool of these engines, each with its service or the usual one."""
    given = [*services, *[SERVICE] * (len(engines) - len(services))]
    replicas = [
        Replica(engine, service, clock or HandClock(), silence_s, power)
        for engine, service in zip(engines, given, strict=True)
    ]
    async with Engines(replicas, hedge) as pool:
        yield pool


def call(
    rid: str = "run_1",
    lane: str = "shared",
    region: str = "local",
    tenant: str = "acct_1",
    **body: object,
) -> EngineCall:
    return replace(chat_call(rid, tenant=tenant, lane=lane, **body), region=region)


async def run_through(pool: Engines, asked: EngineCall, deadline_s: float = FAR_S) -> list[Event]:
    """All events of one call."""
    dispatch = pool.dispatch(asked, deadline_s)
    try:
        return [await dispatch.start(), *[event async for event in dispatch.events]]
    finally:
        await dispatch.close()


def open_breaker(pool: Engines, replica_id: str) -> Replica:
    replica = pool.get(replica_id)
    assert replica is not None
    replica.breaker.trip()
    return replica
