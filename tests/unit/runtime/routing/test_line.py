"""Places on one replica: bounds, order of lanes, tenants, and who is refused before anything is paid."""

import asyncio

import pytest

from base.errors import EngineOverloaded, RateLimited
from runtime.routing.line import Line, MovedAway, Place
from tests.clocks import HandClock
from tests.unit.runtime.routing.fleet import FAR_S


def line(running: int = 1, queued: int = 4, clock: HandClock | None = None) -> Line:
    return Line(running, queued, clock or HandClock())


def admit(line: Line, lane: str = "shared", tenant: str | None = None) -> Place:
    """A place for a tenant of its own, unless one is named."""
    return line.admit(lane, tenant or f"acct_{line.taken}", FAR_S)


async def waiting(place: Place) -> "asyncio.Task[None]":
    """A task that waits for the place's turn."""
    task = asyncio.create_task(place.turn())
    await asyncio.sleep(0)
    return task


async def test_no_more_run_at_once_and_turns_come_in_order() -> None:
    queue = line(running=2, queued=20)
    order: list[int] = []
    most = 0

    async def one(number: int) -> None:
        nonlocal most
        place = admit(queue)
        await place.turn()
        order.append(number)
        most = max(most, queue.running)
        await asyncio.sleep(0)
        place.release()

    await asyncio.gather(*[one(number) for number in range(20)])
    assert order == list(range(20))
    assert (most, queue.running, queue.taken) == (2, 0, 0)


async def test_one_more_than_a_lane_holds_is_refused_and_a_freed_place_is_given_again() -> None:
    queue = line(running=1, queued=2)
    places = [admit(queue) for _ in range(3)]
    with pytest.raises(EngineOverloaded) as refused:
        admit(queue)
    assert (refused.value.status, refused.value.retry_after_s) == (503, 1)
    admit(queue, "batch")  # a lane of its own
    places[1].release()
    places[1].release()
    admit(queue)
    with pytest.raises(EngineOverloaded):
        admit(queue)


async def test_one_tenant_can_not_fill_a_lane() -> None:
    queue = line(running=1, queued=4)
    for _ in range(3):
        admit(queue, tenant="greedy")
    with pytest.raises(RateLimited) as refused:
        admit(queue, tenant="greedy")
    assert (refused.value.status, refused.value.retry_after_s) == (429, 1)
    admit(queue, tenant="other")


async def test_a_call_that_would_end_too_late_is_refused() -> None:
    clock = HandClock()
    queue = line(running=1, queued=100, clock=clock)
    first = admit(queue)
    await first.turn()
    clock.advance_s(20)
    first.release()
    for _ in range(2):
        admit(queue)
    with pytest.raises(EngineOverloaded) as refused:
        queue.admit("shared", "acct", clock.monotonic_s() + 74)  # starts at 40, ends at 60 or later
    assert refused.value.retry_after_s == 40
    queue.admit("private:acme", "acct", clock.monotonic_s() + 39)  # goes before them
    queue.admit("shared", "acct", clock.monotonic_s() + 101)


async def test_turns_go_to_private_then_shared_then_batch_then_fill() -> None:
    queue = line(running=1, queued=10)
    holder = admit(queue)
    await holder.turn()
    order: list[str] = []

    async def one(lane: str) -> None:
        place = admit(queue, lane)
        await place.turn()
        order.append(lane)
        place.release()

    lanes = ["fill", "batch", "shared", "private:acme"]
    tasks = [asyncio.create_task(one(lane)) for lane in lanes]
    await asyncio.sleep(0)
    holder.release()
    await asyncio.gather(*tasks)
    assert order == ["private:acme", "shared", "batch", "fill"]


async def test_fill_runs_on_an_idle_engine_only() -> None:
    queue = line(running=4, queued=10)
    busy = admit(queue)
    await busy.turn()
    fill = await waiting(admit(queue, "fill"))
    assert not fill.done()
    queue.hear_of_others(1)
    busy.release()
    await asyncio.sleep(0)
    assert not fill.done()  # somebody else's call runs there
    queue.hear_of_others(0)
    await asyncio.wait_for(fill, 60)
    await asyncio.wait_for(admit(queue, "fill").turn(), 60)  # more of it at once
    await asyncio.wait_for(admit(queue, "shared").turn(), 60)  # and it keeps nobody waiting


async def test_a_place_that_is_given_back_while_it_waits_costs_no_turn() -> None:
    queue = line(running=1, queued=5)
    holder, leaver, next_one = admit(queue), admit(queue), admit(queue)
    await holder.turn()
    leaving, coming = await waiting(leaver), await waiting(next_one)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    leaver.release()
    holder.release()
    await asyncio.wait_for(coming, 60)
    next_one.release()
    assert (queue.running, queue.taken) == (0, 0)


async def test_a_turn_that_came_when_its_call_was_cancelled_goes_to_the_next() -> None:
    queue = line(running=1, queued=5)
    holder, leaver, next_one = admit(queue), admit(queue), admit(queue)
    await holder.turn()
    leaving, coming = await waiting(leaver), await waiting(next_one)
    holder.release()  # grants the turn ...
    leaving.cancel()  # ... that is not taken
    await asyncio.gather(leaving, return_exceptions=True)
    leaver.release()
    await asyncio.wait_for(coming, 60)
    next_one.release()
    assert (queue.running, queue.taken) == (0, 0)


async def test_who_waits_is_moved_away_and_who_runs_stays() -> None:
    queue = line(running=1, queued=5)
    holder, other = admit(queue), admit(queue)
    await holder.turn()
    moved = await waiting(other)
    queue.move_away()
    with pytest.raises(MovedAway):
        await moved
    other.release()
    assert (queue.running, queue.taken) == (1, 1)
