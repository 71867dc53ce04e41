"""Attempts: on another replica, under a new id, for as long as the caller was shown nothing."""

import asyncio

import pytest

from base.usage import Usage
from runtime.engine import EngineState, Fault, Finish, Metered, Started
from runtime.routing.breaker import FAILURES
from runtime.routing.dispatch import ATTEMPTS
from runtime.routing.hedge import Hedge
from runtime.routing.replica import Service
from tests.clocks import HandClock
from tests.unit.runtime.routing.fleet import (
    FAR_S,
    GARBAGE,
    INVALID,
    MODEL,
    RESET,
    FakeEngine,
    call,
    fleet,
    run_through,
)


async def test_a_fault_before_the_first_event_is_tried_again_elsewhere_under_a_new_id() -> None:
    bad, good = FakeEngine("bad", fault=RESET), FakeEngine("good")
    async with fleet(bad, good) as pool:
        for number in range(4):  # whichever is asked first
            events = await run_through(pool, call(f"run_{number}"))
            assert events[0] == Started(MODEL, "", "good", "")
            assert isinstance(events[-1], Metered)
    rids = [asked.rid for asked in good.ran]
    assert {rid.partition("-")[0] for rid in rids} == {f"run_{n}" for n in range(4)}
    assert not {asked.rid for asked in bad.ran} & set(rids)
    assert (bad.running, good.running) == (0, 0)


async def test_what_the_call_itself_did_is_not_tried_again() -> None:
    engines = FakeEngine("one", fault=INVALID), FakeEngine("two", fault=INVALID)
    async with fleet(*engines) as pool:
        assert await run_through(pool, call()) == [INVALID]
        assert sum(len(engine.ran) for engine in engines) == 1
        assert all(replica.breaker.closed for replica in pool)


async def test_a_call_is_tried_so_often_and_no_more() -> None:
    engines = [FakeEngine(f"e{number}", fault=RESET) for number in range(ATTEMPTS + 2)]
    async with fleet(*engines) as pool:
        assert await run_through(pool, call()) == [RESET]
    assert sum(len(engine.ran) for engine in engines) == ATTEMPTS


async def test_nothing_is_tried_again_after_the_first_event() -> None:
    dying = FakeEngine("dying", fault=RESET, fault_after=2)
    other = FakeEngine("other", fault=RESET, fault_after=2)
    async with fleet(dying, other) as pool:
        events = await run_through(pool, call())
    assert isinstance(events[0], Started)
    assert events[-1] == RESET
    assert len(dying.ran) + len(other.ran) == 1


async def test_who_waits_for_the_whole_answer_gets_it_from_another() -> None:
    engines = [FakeEngine(name, fault=RESET, fault_after=2) for name in ("one", "two")]
    async with fleet(*engines) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        assert isinstance(await dispatch.start(), Started)
        fault = [event async for event in dispatch.events][-1]
        assert isinstance(fault, Fault)
        dispatch.failed(fault)
        for engine in engines:
            engine.fault = None
        first = await dispatch.again(fault)
        rest = [event async for event in dispatch.events]
        await dispatch.close()
    assert isinstance(first, Started)
    assert rest[-2:] == [Finish(0, "stop"), rest[-1]]
    assert {len(engine.ran) for engine in engines} == {1}


async def test_no_place_elsewhere_leaves_the_fault_as_it_is() -> None:
    bad, full = FakeEngine("bad", fault=RESET), FakeEngine("full")
    async with fleet(bad, full, services=[Service(1, 0), Service(1, 0)]) as pool:
        replica = pool.get("full")
        assert replica is not None
        replica.line.admit("shared", "somebody", FAR_S)
        assert await run_through(pool, call()) == [RESET]
    assert full.ran == []


async def test_failures_take_a_replica_out_and_a_probe_brings_it_back() -> None:
    clock = HandClock()
    flaky, steady = FakeEngine("flaky", fault=RESET), FakeEngine("steady")
    async with fleet(flaky, steady, clock=clock) as pool:
        number = 0
        while len(flaky.ran) < 3:
            await run_through(pool, call(messages=[{"role": "user", "content": str(number)}]))
            number += 1
        states = {health.id: health.state for health in pool.health()}
        assert states == {"flaky": EngineState.SUSPECT, "steady": EngineState.READY}
        for other in range(20):
            await run_through(pool, call(messages=[{"role": "user", "content": str(other)}]))
        assert len(flaky.ran) == 3
        flaky.fault = None
        clock.advance_s(1)
        for other in range(20):
            await run_through(pool, call(messages=[{"role": "user", "content": str(other)}]))
        assert len(flaky.ran) > 4
        assert {health.state for health in pool.health()} == {EngineState.READY}


async def test_one_caller_whose_calls_fail_shuts_nobody_out() -> None:
    engine = FakeEngine(fault=GARBAGE)
    async with fleet(engine) as pool:
        (replica,) = pool
        for number in range(2 * FAILURES):
            assert await run_through(pool, call(f"run_{number}", tenant="greedy")) == [GARBAGE]
        assert replica.breaker.closed
        for number in range(FAILURES - 1):
            await run_through(pool, call(f"other_{number}", tenant=f"acct_{number}"))
        assert not replica.breaker.closed


async def test_a_call_that_waits_at_a_draining_replica_runs_on_another() -> None:
    engines = FakeEngine("one"), FakeEngine("two")
    async with fleet(*engines, services=[Service(1, 4), Service(1, 4)]) as pool:
        holding = pool.dispatch(call("holder"), FAR_S)
        await holding.start()
        home = holding.replica
        home.line.admit("shared", "x", FAR_S).release()
        waiter = pool.dispatch(call("waiter"), FAR_S)  # the same prompt, the same home
        assert waiter.replica is home
        started = asyncio.create_task(waiter.start())
        await asyncio.sleep(0)
        home.drain()
        first = await asyncio.wait_for(started, 60)
        assert first == Started(MODEL, "", waiter.replica.id, "")
        assert waiter.replica is not home
        assert waiter.replica.engine.id in {"one", "two"}
        await waiter.close()
        await holding.close()


def quick() -> Hedge:
    """To which every first token is late that does not come at once."""
    hedge = Hedge()
    for _ in range(20):
        hedge.seen(MODEL, 0.0)
    return hedge


async def test_a_late_first_token_is_asked_of_a_second_replica_and_the_loser_is_aborted() -> None:
    """The loser works too, as one that reads a long prompt does, and says so last: the call costs what
    the winner used."""
    engines = {name: FakeEngine(name, words=2) for name in ("one", "two")}
    async with fleet(*engines.values(), hedge=quick()) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        slow = engines[dispatch.replica.id]
        slow.hold()
        slow.worked = Usage(1000, 500)
        slow.told.clear()
        first = await asyncio.wait_for(dispatch.start(), 60)
        assert isinstance(first, Started)
        assert first.engine != slow.id
        winner = engines[first.engine]
        events = [event async for event in dispatch.events]
        slow.told.set()
        await dispatch.close()
    (lost,), (won,) = slow.ran, winner.ran
    assert lost.rid != won.rid
    assert (slow.running, slow.finished, winner.finished) == (0, 0, 1)
    assert [event for event in events if isinstance(event, Metered)] == [Metered(Usage(3, 2))]
    assert dispatch.call.meter.usage == Usage(3, 2)
    assert all(replica.line.taken == 0 for replica in pool)


async def test_a_loser_that_answers_a_moment_later_is_not_heard() -> None:
    engines = {name: FakeEngine(name) for name in ("one", "two")}
    async with fleet(*engines.values(), hedge=quick()) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        slow = engines[dispatch.replica.id]
        slow.hold()
        first = await asyncio.wait_for(dispatch.start(), 60)
        slow.released.set()
        assert isinstance(first, Started)
        rest = [event async for event in dispatch.events]
        await dispatch.close()
    assert [event for event in rest if isinstance(event, Started)] == []
    assert (slow.running, slow.finished) == (0, 0)
    assert dispatch.call.meter.usage == Usage(3, 2)


async def test_a_rival_that_is_late_too_loses_to_the_first() -> None:
    engines = {name: FakeEngine(name) for name in ("one", "two")}
    async with fleet(*engines.values(), hedge=quick()) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        home = engines[dispatch.replica.id]
        (rival,) = [engine for engine in engines.values() if engine is not home]
        for engine in engines.values():
            engine.hold()
        rival.worked = Usage(1000, 500)
        started = asyncio.create_task(dispatch.start())
        await asyncio.wait_for(rival.entered.wait(), 60)
        home.released.set()
        assert await asyncio.wait_for(started, 60) == Started(MODEL, "", home.id, "")
        assert [event async for event in dispatch.events]
        await dispatch.close()
    assert (rival.running, rival.finished, home.finished) == (0, 0, 1)
    assert dispatch.call.meter.usage == Usage(3, 2)


@pytest.mark.parametrize("lane", ["fill", "shared"])
async def test_a_rival_never_waits_for_its_turn(lane: str) -> None:
    """A fill call has turns on idle replicas alone: one with something else to do is no rival's."""
    engines = {name: FakeEngine(name) for name in ("one", "two")}
    async with fleet(*engines.values(), hedge=quick()) as pool:
        dispatch = pool.dispatch(call(lane=lane), FAR_S)
        home = engines[dispatch.replica.id]
        (other,) = [replica for replica in pool if replica.engine is not home]
        busy = other.admit(call("run_2"), FAR_S)
        await busy.turn()
        home.hold()
        started = asyncio.create_task(dispatch.start())
        await asyncio.wait_for(home.entered.wait(), 60)
        if lane == "shared":
            first = await asyncio.wait_for(started, 60)
            assert first == Started(MODEL, "", other.id, "")
        else:
            done, _ = await asyncio.wait({started}, timeout=0.05)
            assert (done, other.line.taken) == (set(), 1)
            home.released.set()
            assert await asyncio.wait_for(started, 60) == Started(MODEL, "", home.id, "")
        await dispatch.close()
        busy.release()


async def test_without_hedging_a_late_token_is_waited_for() -> None:
    engines = {name: FakeEngine(name) for name in ("one", "two")}
    async with fleet(*engines.values()) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        slow = engines[dispatch.replica.id]
        slow.hold()
        started = asyncio.create_task(dispatch.start())
        await slow.entered.wait()
        assert sum(len(engine.ran) for engine in engines.values()) == 1
        slow.released.set()
        assert await asyncio.wait_for(started, 60) == Started(MODEL, "", slow.id, "")
        await dispatch.close()


@pytest.mark.parametrize("hedged", [False, True])
async def test_a_call_cancelled_before_its_first_event_leaves_nothing_behind(hedged: bool) -> None:
    engine = FakeEngine()
    async with fleet(engine, hedge=Hedge() if hedged else None) as pool:
        engine.hold()
        dispatch = pool.dispatch(call(), FAR_S)
        started = asyncio.create_task(dispatch.start())
        await engine.entered.wait()
        started.cancel()
        with pytest.raises(asyncio.CancelledError):
            await started
        await dispatch.close()
        (replica,) = pool
        assert (engine.running, replica.line.taken, replica.line.running) == (0, 0, 0)
