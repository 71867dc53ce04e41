"""kill -9 amid holds and captures: what was acknowledged stays, what was only held is given back."""

import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from base.clock import SystemClock
from settlement.ledger import ops
from settlement.ledger.accounts import Accounts
from settlement.ledger.books import audit
from settlement.ledger.orphans import void_orphans
from settlement.ledger.tables import HOLD, TABLES, TRANSFER
from tests.faults.ledger.spend import CHARGE
from tests.stores import fresh_store

ROOT = Path(__file__).parents[3]
FUNDS = 1_000_000
KILLS = 5


async def _account(folder: Path) -> str:
    async with fresh_store(folder, TABLES) as store:
        accounts = Accounts(store, SystemClock())
        account = await accounts.create("someone")
        await accounts.credit(account.id, FUNDS, "test", "1")
    return account.id


def _run_until_killed(folder: Path, account_id: str, lines: int) -> list[tuple[str, str]]:
    """What the child acknowledged until it was killed, after so many lines."""
    command = [sys.executable, "-m", "tests.faults.ledger.spend", str(folder), account_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    words = [line.split() for line in told if line.endswith("\n")]
    return [(what, run_id) for what, run_id in words]


async def test_a_killed_process_loses_no_charge_and_keeps_no_hold(tmp_path: Path) -> None:
    account_id = await _account(tmp_path)
    charged: set[str] = set()
    for kill in range(KILLS):
        told = _run_until_killed(tmp_path, account_id, 40 + 17 * kill)
        charged |= {run_id for what, run_id in told if what == "charged"}
        async with fresh_store(tmp_path, TABLES) as store:
            left = len(await store.read(select(HOLD)))
            assert await void_orphans(store) == left
            assert await void_orphans(store) == 0
            assert await store.read(select(HOLD)) == []
            assert left > 0
            result = await audit(store)
            assert result.faults == ()
            query = select(TRANSFER.c.ref).where(TRANSFER.c.code == "capture")
            runs = [row["ref"] for row in await store.read(query)]
            account = await Accounts(store, SystemClock()).get(account_id)
        assert account is not None
        assert charged <= set(runs)
        assert len(runs) == len(set(runs))
        assert (account.posted_nano_usd, account.held_nano_usd) == (FUNDS - CHARGE * len(runs), 0)
        assert result.held_nano_usd == 0


async def test_holds_of_this_process_are_no_orphans(tmp_path: Path) -> None:
    account_id = await _account(tmp_path)
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(ops.hold("run_1", account_id, None, 300, store.lease, 1))
        assert await void_orphans(store) == 0
        old = [ops.hold(f"run_{n}_of_old", account_id, None, 1, "old", 1) for n in range(300)]
        await store.commit(*old)
        assert await void_orphans(store) == 300
        account = await Accounts(store, SystemClock()).get(account_id)
        assert account is not None
        assert account.held_nano_usd == 300
