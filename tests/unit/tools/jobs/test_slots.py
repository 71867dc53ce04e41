"""Turns: the urgent first, accounts of one rank by turns, and none is lost."""

import asyncio

from tools.jobs.slots import Slots


async def test_the_urgent_go_first_then_in_their_order() -> None:
    slots, order = Slots(1), list[str]()
    await slots.take(0, "a")

    async def one(name: str, rank: int) -> None:
        await slots.take(rank, name)
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
    await slots.take(0, "a")
    waiting = asyncio.create_task(slots.take(1, "a"))
    await asyncio.sleep(0)
    slots.give()  # the turn is given to the waiting one, which is cancelled in the same moment
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(slots.take(2, "a"), 60)


async def test_accounts_take_turns_however_many_batches_each_has() -> None:
    slots, order = Slots(1), list[str]()
    await slots.take(1, "many")

    async def one(account_id: str) -> None:
        await slots.take(1, account_id)
        order.append(account_id)
        slots.give()

    async with asyncio.TaskGroup() as group:
        for account_id in ["many"] * 5 + ["few"] * 2 + ["other"]:
            group.create_task(one(account_id))
            await asyncio.sleep(0)
        slots.give()
    assert order == ["many", "few", "other", "many", "few", "many", "many", "many"]
