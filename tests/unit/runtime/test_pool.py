"""Places on engines: order, bounds, and who is refused before anything is paid."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Self

import pytest

from base.errors import EngineNotConfigured, EngineOverloaded, ServiceUnavailable
from runtime.engine import (
    EngineCall,
    EngineHealth,
    EngineState,
    Event,
    Load,
    Modality,
    Started,
)
from runtime.pool import Engines, Place
from tests.unit.runtime.engines import chat_call

FAR_S = 1e9


class HandClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def monotonic_s(self) -> float:
        return self.now_s


class TalkingEngine:
    """An engine that says at once that it started; it records who ran and what became of it."""

    def __init__(self, fails: bool = False) -> None:
        self.id = "talking"
        self.modalities = frozenset({Modality.CHAT})
        self.models = frozenset({"tiny-qwen3"})
        self.state = EngineState.STARTING
        self.ran: list[str] = []
        self.running = 0
        self.most_running = 0
        self._fails = fails

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return self._run(call)

    @asynccontextmanager
    async def _run(self, call: EngineCall) -> AsyncIterator[AsyncIterator[Event]]:
        self.ran.append(call.rid)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            yield self._events()
        finally:
            self.running -= 1

    async def _events(self) -> AsyncIterator[Event]:
        yield Started("m", "", "e", "")

    async def abort(self, rid: str) -> None:
        return None

    async def load(self) -> Load:
        return Load(self.running, 0, 1)

    async def ready(self) -> bool:
        return True

    def health(self) -> EngineHealth:
        return EngineHealth(self.id, self.state, tuple(self.models))

    async def __aenter__(self) -> Self:
        if self._fails:
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


@asynccontextmanager
async def pool(
    engine: TalkingEngine, running: int = 1, queued: int = 2, clock: HandClock | None = None
) -> AsyncIterator[Engines]:
    async with Engines([engine], running, queued, clock or HandClock()) as engines:
        yield engines


def reserve(engines: Engines, deadline_s: float = FAR_S) -> Place:
    return engines.reserve(Modality.CHAT, "tiny-qwen3", deadline_s)


async def test_calls_run_in_the_order_of_their_turns_and_never_too_many() -> None:
    engine = TalkingEngine()
    async with pool(engine, running=2, queued=20) as engines:

        async def one(number: int) -> None:
            place = reserve(engines)
            try:
                async with place.run(chat_call(f"r{number}")) as events:
                    assert isinstance(await anext(events), Started)
                    await asyncio.sleep(0)
            finally:
                place.release()

        await asyncio.gather(*[one(number) for number in range(20)])
    assert engine.ran == [f"r{number}" for number in range(20)]
    assert engine.most_running == 2


async def test_one_more_than_the_queue_holds_is_refused_and_a_freed_place_is_given_again() -> None:
    async with pool(TalkingEngine(), running=1, queued=2) as engines:
        places = [reserve(engines) for _ in range(3)]
        with pytest.raises(EngineOverloaded) as refused:
            reserve(engines)
        assert (refused.value.status, refused.value.retry_after_s) == (503, 1)
        places[1].release()
        places[1].release()
        reserve(engines)
        with pytest.raises(EngineOverloaded):
            reserve(engines)


async def test_a_call_whose_turn_would_come_too_late_is_refused() -> None:
    clock = HandClock()
    async with pool(TalkingEngine(), running=1, queued=100, clock=clock) as engines:
        first = reserve(engines)
        async with first.run(chat_call()):
            clock.now_s += 20
        first.release()
        running, waiting = reserve(engines), reserve(engines)
        with pytest.raises(EngineOverloaded) as refused:
            reserve(engines, clock.now_s + 39)
        assert refused.value.retry_after_s == 40
        reserve(engines, clock.now_s + 41)
        running.release()
        waiting.release()


async def test_a_place_that_is_given_back_while_it_waits_costs_no_turn() -> None:
    engine = TalkingEngine()
    async with pool(engine, running=1, queued=5) as engines:
        holder, leaver, next_one = reserve(engines), reserve(engines), reserve(engines)
        async with holder.run(chat_call("holder")):
            waiting = asyncio.create_task(leaver.run(chat_call("leaver")).__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            leaver.release()
            await asyncio.gather(waiting, return_exceptions=True)
        holder.release()
        async with asyncio.timeout(5), next_one.run(chat_call("next")):
            assert engine.ran == ["holder", "next"]
        next_one.release()


async def test_an_engine_that_is_down_refuses_before_anything_is_paid() -> None:
    engine = TalkingEngine()
    async with pool(engine) as engines:
        engine.state = EngineState.DOWN
        with pytest.raises(ServiceUnavailable) as refused:
            reserve(engines)
        assert (refused.value.code, refused.value.retry_after_s) == ("service_unavailable", 1)
        assert not engines.serves(Modality.CHAT)
        assert [line.state for line in engines.health()] == [EngineState.DOWN]


async def test_what_no_engine_serves() -> None:
    async with pool(TalkingEngine()) as engines:
        assert engines.serves(Modality.CHAT)
        assert not engines.serves(Modality.EMBEDDING)
        with pytest.raises(EngineNotConfigured):
            engines.reserve(Modality.EMBEDDING, "tiny-qwen3", FAR_S)
        with pytest.raises(EngineNotConfigured):
            engines.reserve(Modality.CHAT, "another", FAR_S)


async def test_no_engine_is_left_running_when_one_can_not_start() -> None:
    good, bad = TalkingEngine(), TalkingEngine(fails=True)
    with pytest.raises(RuntimeError, match="no such model"):
        async with Engines([good, bad], 1, 1, HandClock()):
            pass
    assert good.state is EngineState.STOPPED


async def test_without_engines() -> None:
    async with Engines([], 1, 1, HandClock()) as engines:
        assert engines.health() == []
