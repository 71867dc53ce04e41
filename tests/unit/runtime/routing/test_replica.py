"""A replica that is looked after: silence, draining, others' load, what health tells."""

import asyncio

import pytest

from base.errors import EngineNotConfigured, ServiceUnavailable
from runtime.engine import EngineState, Load, Modality, Started
from runtime.pool import Engines
from runtime.routing.dispatch import Dispatch
from runtime.routing.replica import Service
from tests.clocks import HandClock
from tests.unit.runtime.engines import embed_call
from tests.unit.runtime.routing.fleet import FAR_S, MODEL, FakeEngine, call, fleet, run_through


def states(pool: Engines) -> set[EngineState]:
    return {health.state for health in pool.health()}


async def test_a_silent_replica_is_left_and_its_waiting_calls_run_elsewhere() -> None:
    clock = HandClock()
    engines = {name: FakeEngine(name) for name in ("one", "two")}
    async with fleet(*engines.values(), clock=clock, silence_s=30) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        stuck = engines[dispatch.replica.id]
        stuck.hold()
        started = asyncio.create_task(dispatch.start())
        await stuck.entered.wait()
        replica = dispatch.replica
        clock.advance_s(31)
        stuck.reported = Load(1, 0, 4, silent_s=30)
        await pool.look_at(replica)
        assert EngineState.SUSPECT not in states(pool)  # thirty seconds are borne
        stuck.reported = Load(1, 0, 4, silent_s=30.5)
        await pool.look_at(replica)
        assert EngineState.SUSPECT in states(pool)
        first = await asyncio.wait_for(started, 60)
        assert isinstance(first, Started)
        assert first.engine != stuck.id
        assert stuck.running == 0
        await dispatch.close()


async def test_a_call_that_just_came_to_a_silent_replica_has_its_own_time() -> None:
    clock = HandClock()
    engines = {name: FakeEngine(name) for name in ("one", "two")}
    async with fleet(*engines.values(), clock=clock) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        await check_it_waits(pool, dispatch, engines[dispatch.replica.id], clock, waited_s=5)


async def test_the_only_replica_has_the_time_of_a_first_event_however_silent_it_is() -> None:
    clock, engine = HandClock(), FakeEngine()
    async with fleet(engine, clock=clock) as pool:
        await check_it_waits(pool, pool.dispatch(call(), FAR_S), engine, clock, waited_s=60)


async def check_it_waits(
    pool: Engines, dispatch: Dispatch, engine: FakeEngine, clock: HandClock, waited_s: int
) -> None:
    """The call is not taken from a replica that is silent for long."""
    engine.hold()
    started = asyncio.create_task(dispatch.start())
    await engine.entered.wait()
    clock.advance_s(waited_s)
    engine.reported = Load(1, 0, 4, silent_s=40)
    await pool.look_at(dispatch.replica)
    await asyncio.sleep(0)
    assert not started.done()
    engine.released.set()
    assert isinstance(await asyncio.wait_for(started, 60), Started)
    await dispatch.close()


async def test_a_draining_replica_gets_no_calls_and_ends_those_it_has() -> None:
    engine = FakeEngine()
    async with fleet(engine) as pool:
        running = pool.dispatch(call(), FAR_S)
        await running.start()
        running.replica.drain()
        assert [health.state for health in pool.health()] == [EngineState.DRAINING]
        with pytest.raises(ServiceUnavailable) as refused:
            pool.dispatch(call(), FAR_S)
        assert refused.value.retry_after_s == 1
        assert [event async for event in running.events]
        await running.close()
        running.replica.resume()
        assert isinstance((await run_through(pool, call()))[0], Started)


async def test_an_engine_that_is_down_refuses_before_anything_is_paid() -> None:
    engine = FakeEngine()
    async with fleet(engine) as pool:
        engine.state = EngineState.DOWN
        with pytest.raises(ServiceUnavailable) as refused:
            pool.dispatch(call(), FAR_S)
        assert (refused.value.code, refused.value.retry_after_s) == ("service_unavailable", 1)
        assert not pool.serves(Modality.CHAT)
        assert [health.state for health in pool.health()] == [EngineState.DOWN]


async def test_an_open_breaker_says_when_to_come_back() -> None:
    async with fleet(FakeEngine()) as pool:
        (replica,) = pool
        for _ in range(4):
            replica.breaker.trip()
        with pytest.raises(ServiceUnavailable) as refused:
            pool.dispatch(call(), FAR_S)
        assert refused.value.retry_after_s == 8
        assert pool.health()[0].detail["retry_in_s"] == 8


async def test_a_lane_runs_on_the_engines_that_offer_it() -> None:
    shared, reserved = FakeEngine("shared"), FakeEngine("reserved")
    services = [Service(4, 4), Service(4, 4, lanes=frozenset({"private:acme"}))]
    async with fleet(shared, reserved, services=services) as pool:
        for lane, engine in (("shared", shared), ("batch", shared), ("fill", shared)):
            await run_through(pool, call(lane, lane=lane))
            assert engine.ran[-1].rid == lane
        await run_through(pool, call("acme", lane="private:acme"))
        assert [asked.rid for asked in reserved.ran] == ["acme"]
        with pytest.raises(EngineNotConfigured, match="private:other"):
            pool.dispatch(call(lane="private:other"), FAR_S)


async def test_a_model_takes_the_lanes_that_its_operator_gave_it() -> None:
    lanes = frozenset({"shared", "batch", "private:acme"})
    reserved = {MODEL: frozenset({"private:acme"})}
    async with fleet(FakeEngine(), services=[Service(4, 4, lanes, model_lanes=reserved)]) as pool:
        await run_through(pool, call(lane="private:acme"))
        with pytest.raises(EngineNotConfigured, match="'shared'"):
            pool.dispatch(call(), FAR_S)


async def test_a_caller_bound_to_a_region_runs_there_alone() -> None:
    here, there = FakeEngine("here"), FakeEngine("there")
    async with fleet(here, there, services=[Service(4, 4), Service(4, 4, region="eu")]) as pool:
        for number in range(8):
            await run_through(pool, call(f"eu{number}", region="eu"))
        assert len(there.ran) == 8
        for number in range(32):
            messages = [{"role": "user", "content": f"{number}"}]
            await run_through(pool, call(f"any{number}", messages=messages))
        assert here.ran
        assert len(there.ran) > 8
        with pytest.raises(EngineNotConfigured, match="'us'"):
            pool.dispatch(call(region="us"), FAR_S)


async def test_what_no_engine_serves() -> None:
    async with fleet(FakeEngine()) as pool:
        assert not pool.serves(Modality.EMBEDDING)
        with pytest.raises(EngineNotConfigured):
            pool.dispatch(embed_call("text"), FAR_S)


async def test_a_full_replica_is_passed_over_and_all_full_is_refused() -> None:
    engines = FakeEngine("one"), FakeEngine("two")
    async with fleet(*engines, services=[Service(1, 0), Service(1, 0)]) as pool:
        first, second = pool.dispatch(call(), FAR_S), pool.dispatch(call(), FAR_S)
        assert first.replica is not second.replica
        with pytest.raises(ServiceUnavailable) as refused:
            pool.dispatch(call(), FAR_S)
        assert refused.value.code == "engine_overloaded"
        await first.close()
        await second.close()


async def test_what_others_do_on_an_engine_counts_as_its_load() -> None:
    async with fleet(FakeEngine("one"), FakeEngine("two")) as pool:
        quiet, used = pool.get("one"), pool.get("two")
        assert quiet is not None
        assert used is not None
        assert isinstance(used.engine, FakeEngine)
        used.engine.reported = Load(30, 10, 64)
        await used.look()
        assert (quiet.load, used.load) == (0, 40)
        for number in range(8):
            messages = [{"role": "user", "content": f"{number}"}]
            await run_through(pool, call(messages=messages))
        assert used.engine.ran == []


async def test_our_own_calls_count_once_and_not_after_they_ended() -> None:
    engine = FakeEngine()
    async with fleet(engine, services=[Service(4, 4)]) as pool:
        (replica,) = pool
        running = [pool.dispatch(call(f"run_{number}"), FAR_S) for number in range(3)]
        for dispatch in running:
            await dispatch.start()
        engine.reported = Load(3, 0, 4)
        await replica.look()
        assert replica.load == 3
        for dispatch in running:
            await dispatch.close()
        assert replica.load == 0  # though the report still tells of them


async def test_no_engine_is_left_running_when_one_can_not_start() -> None:
    good, bad = FakeEngine("good"), FakeEngine("bad", fails_to_start=True)
    with pytest.raises(RuntimeError, match="no such model"):
        async with fleet(good, bad):
            pass
    assert good.state is EngineState.STOPPED


async def test_without_engines() -> None:
    async with fleet() as pool:
        assert pool.health() == []
