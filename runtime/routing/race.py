"""Two attempts of one call that race for the first event."""

import asyncio
from collections.abc import Mapping

from runtime.engine import Event, Fault
from runtime.routing.attempt import Attempt

Racers = dict["asyncio.Task[Event]", Attempt]


async def first_answer(racers: Racers) -> "asyncio.Task[Event]":
    """The first that ended without a Fault; when all failed, one that failed last."""
    waiting = set(racers)
    while True:
        ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        well = [task for task in ended if not isinstance(task.result(), Fault)]
        if well or not waiting:
            return (well or list(ended))[0]


async def stop(racers: Mapping["asyncio.Task[Event]", Attempt]) -> None:
    """Abort these attempts."""
    for task in racers:
        task.cancel()
    await asyncio.gather(*racers, return_exceptions=True)
    for attempt in racers.values():
        await attempt.close()
