"""A run of a tool on the pool: what is tried again unseen, and what the caller is told."""

from collections.abc import AsyncIterator

import pytest

from base.errors import EngineError, ServiceUnavailable
from runtime.engine import Delta, Event, Fault, Started
from runtime.pool import Engines
from settlement.rail import Delivery
from tests.unit.runtime.routing.fleet import FAR_S, RESET, FakeEngine, call, fleet
from tools.engine_run import EngineRun, error_of


def run_of(pool: Engines, delivery: Delivery) -> EngineRun:
    run = EngineRun(pool, call(), FAR_S, delivery)
    run.reserve()
    return run


async def until_text(events: AsyncIterator[Event]) -> list[Event]:
    """The events up to the first that says something."""
    seen = []
    async for event in events:
        seen.append(event)
        if isinstance(event, Delta) and event.says:
            break
    return seen


async def broken_after(pool: Engines, engines: list[FakeEngine], delivery: Delivery) -> list[Event]:
    """What is read of a run whose engine breaks off, all other engines being well."""
    run = run_of(pool, delivery)
    served = await run.start()
    for engine in engines:
        if engine.id != served.engine:
            engine.fault = None
    try:
        return [event async for event in run.events()]
    finally:
        await run.close()


@pytest.mark.parametrize(
    ("delivery", "after"), [(Delivery.STREAM, 1), (Delivery.WHOLE, 1), (Delivery.WHOLE, 2)]
)
async def test_what_nobody_was_shown_comes_from_another_replica(delivery: Delivery, after: int) -> None:
    engines = [FakeEngine(name, fault=RESET, fault_after=after) for name in ("one", "two")]
    async with fleet(*engines) as pool:
        events = await broken_after(pool, engines, delivery)
    begun = [number for number, event in enumerate(events) if isinstance(event, Started)]
    assert len(begun) == 1
    assert [event for event in events[begun[0] :] if isinstance(event, Delta)] == [Delta(0, "w")] * 2
    assert [len(engine.ran) for engine in engines] == [1, 1]


async def test_a_stream_that_said_something_breaks() -> None:
    engines = [FakeEngine(name, fault=RESET, fault_after=2) for name in ("one", "two")]
    async with fleet(*engines) as pool:
        run = run_of(pool, Delivery.STREAM)
        await run.start()
        events = run.events()
        assert await until_text(events) == [Delta(0, "w")]
        with pytest.raises(EngineError):
            await anext(events)
        await run.close()
    assert sum(len(engine.ran) for engine in engines) == 1


async def test_a_call_whose_replica_was_drained_while_it_waited_may_come_again() -> None:
    async with fleet(FakeEngine()) as pool:
        run = run_of(pool, Delivery.STREAM)
        (replica,) = pool
        replica.drain()
        with pytest.raises(ServiceUnavailable) as refused:
            await run.start()
        await run.close()
    assert (refused.value.code, refused.value.retry_after_s) == ("service_unavailable", 1)


def test_an_engine_that_went_away_in_the_middle_is_another_error_than_one_that_is_not_there() -> None:
    assert isinstance(error_of(RESET), EngineError)
    assert isinstance(error_of(Fault("unavailable", True, 503)), ServiceUnavailable)
