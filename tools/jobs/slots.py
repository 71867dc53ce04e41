"""Turns for tasks: as many at once as there are slots, the more urgent first, then in their order."""

import asyncio
from collections import deque
from typing import Final

_RANKS: Final = 3


class Slots:
    """A batch asks for one turn at a time, so batches of one rank take turns one after the other."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = tuple(deque() for _ in range(_RANKS))

    async def take(self, rank: int) -> None:
        """Wait for a turn; 0 is the most urgent rank."""
        if self._free and not any(self._waiting):
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[rank].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            raise

    def give(self) -> None:
        """A turn has ended."""
        for waiting in self._waiting:
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
