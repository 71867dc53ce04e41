"""Deposits on a real chain, watched by processes that are killed, for the test beside this file:
``-m tests.faults.deposits.deposits FOLDER RPC_URL GENESIS KILLS``.

Each process is a fork, so that it begins in a moment and dies alone: before or after one of its commits.
The next one has to find everything.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop  # noqa: F401 - loaded before the forks

from settlement.chain import devnet
from settlement.chain.client import ChainClient
from settlement.chain.funding import fund
from settlement.deposits.tables import TABLES
from settlement.ledger.tables import TABLES as LEDGER
from storage.op import Op, Store, Ticket
from tests.stores import fresh_store
from tests.unit.settlement.deposits.bank import bank

AMOUNT: Final = 7
SIDES: Final = ("before", "after")
NOTED, MONEY = 1, 2
"""Operations of the commits: a deposit is noted alone, and money moves with its deposit's row."""
POINTS: Final = tuple(
    (kind, size, side)
    for kind, size in (("credited", NOTED), ("credited", MONEY), ("reversed", MONEY))
    for side in SIDES
)


@dataclass(frozen=True, slots=True)
class Chain:
    rpc_url: str
    genesis: str
    network: str = devnet.NETWORK
    usdc: str = devnet.USDC


@dataclass
class MortalStore:
    """Kills its process ``before`` or ``after`` the first commit of so many operations."""

    store: Store
    size: int
    side: str

    @property
    def lease(self) -> str:
        return self.store.lease

    def submit(self, *ops: Op) -> Ticket:
        return self.store.submit(*ops)

    async def commit(self, *ops: Op) -> Any:
        self._at("before", ops)
        answer = await self.store.commit(*ops)
        self._at("after", ops)
        return answer

    async def read(self, statement: Any) -> Any:
        return await self.store.read(statement)

    def _at(self, side: str, ops: tuple[Op, ...]) -> None:
        if len(ops) == self.size and side == self.side:
            os.kill(os.getpid(), signal.SIGKILL)


async def _look(folder: Path, chain: Chain, size: int, side: str) -> None:
    async with fresh_store(folder, LEDGER, TABLES) as real:
        mortal: Any = MortalStore(real, size, side)
        async with bank(folder, chain, 1, mortal) as till:
            await till.watch.look()


async def _expect(folder: Path, chain: Chain, account: str, atomic: int) -> None:
    """What a new process finds, however often it looks."""
    async with bank(folder, chain, 1) as till:
        for _ in range(2):
            await till.watch.look()
            found = await till.balance(account)
            assert found == atomic, (found, atomic)
        await till.audited()


async def _account(folder: Path, chain: Chain) -> tuple[str, str]:
    async with bank(folder, chain, 1) as till:
        account, address = await till.account()
        await till.watch.look()
        return account, address


def _forked(folder: Path, chain: Chain, size: int, side: str) -> int:
    """The exit status of a process of its own, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            asyncio.run(_look(folder, chain, size, side))
            status = 0
        except BaseException:  # noqa: BLE001 - the fork ends here whatever happened
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


async def _forget_last_block(chain: Chain) -> None:
    async with ChainClient(lambda: chain.rpc_url) as client:
        await client.request("anvil_reorg", 1, [])


def main(folder: Path, chain: Chain, kills: int) -> dict[str, int]:
    """How often a process died at each point."""
    account, address = asyncio.run(_account(folder, chain))
    has, killed = 0, dict.fromkeys(map(str, POINTS), 0)
    for _ in range(kills):
        for kind, size, side in POINTS:
            asyncio.run(fund(chain.rpc_url, address, AMOUNT))
            if kind == "reversed":
                asyncio.run(_expect(folder, chain, account, has + AMOUNT))
                asyncio.run(_forget_last_block(chain))
            else:
                has += AMOUNT
            status = _forked(folder, chain, size, side)
            assert status == -signal.SIGKILL, (kind, size, side, status)
            killed[str((kind, size, side))] += 1
            asyncio.run(_expect(folder, chain, account, has))
    return killed


if __name__ == "__main__":
    _, folder, rpc_url, genesis, kills = sys.argv
    print(json.dumps(main(Path(folder), Chain(rpc_url, genesis), int(kills))))
