"""Turns for tasks: as many at once as there are slots, the more urgent first, accounts one by one."""

import asyncio
from collections import OrderedDict, deque
from typing import Final

_RANKS: Final = 3
_Turn = asyncio.Future[None]


class Slots:
    """Accounts that wait at one rank take turns one after the other, however many batches each has; a
    batch asks for one turn at a time, so those of one account take turns too."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting = tuple(_Line() for _ in range(_RANKS))

    async def take(self, rank: int, account_id: str) -> None:
        """Wait for a turn; 0 is the most urgent rank."""
        if self._free and not any(self._waiting):
            self._free -= 1
            return
        turn: _Turn = asyncio.get_running_loop().create_future()
        self._waiting[rank].join(account_id, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            raise

    def give(self) -> None:
        """A turn has ended."""
        for line in self._waiting:
            while line:
                turn = line.next()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1


class _Line:
    """Who waits at one rank."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, deque[_Turn]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._accounts)

    def join(self, account_id: str, turn: _Turn) -> None:
        self._accounts.setdefault(account_id, deque()).append(turn)

    def next(self) -> _Turn:
        """The first of the account whose turn it is, which goes behind the others."""
        account_id, turns = next(iter(self._accounts.items()))
        turn = turns.popleft()
        if turns:
            self._accounts.move_to_end(account_id)
        else:
            del self._accounts[account_id]
        return turn
