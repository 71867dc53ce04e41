"""Five times the load that a replica can carry, on a clock moved by hand."""

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field

from base.errors import EngineOverloaded, RateLimited
from runtime.routing.line import Line, Place
from tests.clocks import HandClock

RUNNING, DEADLINE_S = 4, 20
SERVICE_S = (1, 3, 2)  # of one call after the other
PEAK = RUNNING / 2  # calls a second that it can answer
SECONDS = 120


@dataclass
class Seen:
    """What became of the calls: how many were answered in time, how many waited in vain, and what the
    others were told."""

    answered: int = 0
    gave_up: int = 0
    retry_after_s: list[int] = field(default_factory=list)


async def offered(a_second: int) -> Seen:
    """So many calls a second, each of another tenant, who gives up after ``DEADLINE_S``."""
    clock, seen, number = HandClock(), Seen(), itertools.count()
    line = Line(RUNNING, 1000, clock)
    ends: list[tuple[float, int, Place, float]] = []
    waiting: dict[asyncio.Task[None], tuple[Place, float]] = {}
    for _ in range(SECONDS):
        for _ in range(a_second):
            now_s = clock.monotonic_s()
            try:
                place = line.admit("shared", f"acct_{next(number)}", now_s + DEADLINE_S)
            except (EngineOverloaded, RateLimited) as refused:
                seen.retry_after_s.append(refused.retry_after_s or 0)
                continue
            waiting[asyncio.create_task(place.turn())] = place, now_s
        await _started(waiting, ends, clock, number)
        clock.advance_s(1)
        while ends and ends[0][0] <= clock.monotonic_s():
            _, _, place, came_s = heapq.heappop(ends)
            seen.answered += clock.monotonic_s() <= came_s + DEADLINE_S
            place.release()
        for task in [t for t, (_, came) in waiting.items() if came + DEADLINE_S <= clock.monotonic_s()]:
            place, _ = waiting.pop(task)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            place.release()
            seen.gave_up += 1
        await _started(waiting, ends, clock, number)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return seen


async def _started(
    waiting: dict["asyncio.Task[None]", tuple[Place, float]],
    ends: list[tuple[float, int, Place, float]],
    clock: HandClock,
    number: "itertools.count[int]",
) -> None:
    """Those whose turn came run for so long."""
    for _ in range(3):
        await asyncio.sleep(0)
    for task in [task for task in waiting if task.done()]:
        place, came_s = waiting.pop(task)
        count = next(number)
        heapq.heappush(
            ends, (clock.monotonic_s() + SERVICE_S[count % len(SERVICE_S)], count, place, came_s)
        )


async def test_goodput_stays_at_its_peak_and_nobody_waits_in_vain() -> None:
    seen = await offered(int(5 * PEAK))
    assert seen.answered >= 0.9 * PEAK * SECONDS
    assert seen.gave_up <= 0.1 * seen.answered
    assert seen.retry_after_s
    assert all(1 <= wait <= 60 for wait in seen.retry_after_s)


async def test_a_load_that_it_can_carry_is_carried() -> None:
    seen = await offered(int(PEAK))
    assert seen.retry_after_s == []
    assert seen.gave_up == 0
    assert seen.answered >= PEAK * (SECONDS - DEADLINE_S)
