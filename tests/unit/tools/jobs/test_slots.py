"""Turns: the urgent first, batches of one rank by turns, and none is lost."""

import asyncio

from tools.jobs.slots import Slots


async def test_the_urgent_go_first_then_in_their_order() -> None:
    slots, order = Slots(1), list[str]()
    await slots.take(0)

    async def one(name: str, rank: int) -> None:
        await slots.take(rank)
        order.append(name)
        slots.give()

    async with asyncio.TaskGroup() as group:
        for name, rank in (("fill", 2), ("low-1", 1), ("low-2", 1), ("high", 0)):
            group.create_task(one(name, rank))
            await asyncio.sleep(0)
        slots.give()
    assert order == ["high", "low-1", "low-2", "fill"]


async def test_who_gives_up_waiting_loses_no_turn() -> None:
    slots = Slots(1)
    await slots.take(0)
    waiting = asyncio.create_task(slots.take(1))
    await asyncio.sleep(0)
    slots.give()  # the turn is given to the waiting one, which is cancelled in the same moment
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(slots.take(2), 60)
