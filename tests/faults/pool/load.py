"""A load that stays: clients who call again whenever they are answered, until a replica is killed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.pool.calls import Clients, Told
from tests.faults.pool.replicas import Replica


@dataclass(frozen=True, slots=True)
class Load:
    """How many clients call for what: ``streams`` for streams of ``stream_tokens``, ``whole`` for
    whole answers of ``whole_tokens``; after the kill there are ``later`` short streams."""

    streams: int
    stream_tokens: int
    whole: int
    whole_tokens: int
    later: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was told to whom: ``begun`` are the streams that had shown something at the kill,
    ``unshown`` all other calls."""

    begun: list[Told]
    unshown: list[Told]

    @property
    def broken(self) -> list[Told]:
        return [told for told in self.begun if not told.ended]


async def killed_under_load(clients: Clients, dying: Replica, load: Load, within_s: float) -> Outcome:
    """Kill ``dying`` when every stream has begun and it has more in hand than there are whole answers,
    so at least one stream: a state that comes again and again, however fast the machine is.
    ``TimeoutError`` if it does not come."""
    killed = asyncio.Event()
    streams = [Told() for _ in range(load.streams)]
    whole = [Told() for _ in range(load.whole)]
    later = [Told() for _ in range(load.later)]
    before: list[Told] = []

    async def keep(calls: list[Told], at: int, call: Callable[[Told], Awaitable[None]]) -> None:
        while not killed.is_set():
            before.append(told := Told())
            calls[at] = told
            await call(told)

    async with asyncio.TaskGroup() as running:
        for at in range(load.streams):
            running.create_task(keep(streams, at, lambda told: clients.stream(load.stream_tokens, told)))
        for at in range(load.whole):
            running.create_task(keep(whole, at, lambda told: clients.whole(load.whole_tokens, told)))
        async with asyncio.timeout(within_s):
            while await asyncio.to_thread(dying.running) <= load.whole or not _all_under_way(streams):
                pass
        begun = [told for told in streams if told.began.is_set() and not told.ended]
        dying.kill()
        killed.set()
        for told in later:
            running.create_task(clients.stream(20, told))
    return Outcome(begun, [*(told for told in before if told not in begun), *later])


def _all_under_way(streams: list[Told]) -> bool:
    return all(told.began.is_set() and not told.ended for told in streams)
