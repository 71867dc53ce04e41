"""kill -9 under mixed traffic: nothing that was acknowledged is lost, nothing is charged twice."""

import asyncio
import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from base.money import nano_from_atomic
from server.demo.wallet import Wallet, fresh_wallet
from server.tables import DATABASE, TABLES
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.funding import fund, usdc_balance
from settlement.ledger.books import audit
from storage.sqlite import open_store
from tests.faults.server.traffic import Told, callers
from tests.live import LiveServer, start, stop

KILLS = int(os.environ.get("BATCHIN_TEST_KILLS", "4"))
LIVES_S = (0.0, 1.5)
ENDED = ("settled", "failed", "credited")


async def live_and_die(server: LiveServer, wallet: Wallet, told: Told, life_s: float) -> None:
    """Traffic until something was acknowledged and for a while, then SIGKILL in the midst of it."""
    dying, before = asyncio.Event(), len(told.runs)
    calling = asyncio.create_task(callers(server, wallet, told, dying))
    async with asyncio.timeout(60):
        while not told.paid or len(told.runs) < before + 2:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    await asyncio.sleep(life_s)
    await asyncio.to_thread(server.kill)
    dying.set()
    await calling


def rows(data_dir: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection:
        return list(connection.execute(query))


def wait_until_all_payments_ended(data_dir: Path) -> None:
    """What was under way when the server died is settled or let go of by the next one."""
    query = f"SELECT run_id, state FROM payment WHERE state NOT IN {ENDED}"
    deadline = time.monotonic() + 60
    while (open_payments := rows(data_dir, query)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert open_payments == []


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveServer, Told, int]]:
    """A server after its deaths, what its callers were told, and what its payee has on chain."""
    data_dir = tmp_path_factory.mktemp("kill") / "data"
    wallet = fresh_wallet(NETWORK, USDC, 10_000_000)
    told, chance = Told(), random.Random(20261124)
    for _ in range(KILLS):
        server = start(data_dir)
        if not told.runs:
            asyncio.run(fund(server.rpc_url, wallet.address, 1_000_000_000))
        asyncio.run(live_and_die(server, wallet, told, chance.uniform(*LIVES_S)))
    server = start(data_dir)
    wait_until_all_payments_ended(data_dir)
    payees = {payee for (payee,) in rows(data_dir, PAYEES)}
    received = sum(asyncio.run(usdc_balance(server.rpc_url, payee)) for payee in payees)
    print(f"{KILLS} kills: {len(told.runs)} calls acknowledged, {len(told.paid)} of them paid on chain")
    yield server, told, received
    if server.process.poll() is None:
        stop(server)


PAYEES = "SELECT DISTINCT json_extract(requirements, '$.payTo') FROM payment"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_what_was_acknowledged_is_kept_and_proved(aftermath: tuple[LiveServer, Told, int]) -> None:
    server, told, _ = aftermath
    assert len(told.runs) > KILLS
    assert told.paid
    used = {run for (run,) in rows(server.data_dir, "SELECT run_id FROM usage")}
    assert set(told.runs) <= used
    settled = dict(rows(server.data_dir, "SELECT run_id, transaction_hash FROM payment"))
    assert {run: settled[run] for run in told.paid} == told.paid
    with httpx.Client(base_url=server.url) as client:
        for run in told.runs:
            verdict = client.get(f"/v1/vaas/{run}/verify").json()
            assert verdict["valid"], verdict
    assert rows(server.data_dir, "SELECT count(*) FROM log_queue") == [(0,)]


@pytest.mark.slow
def test_nothing_is_charged_twice_and_the_books_agree_with_the_chain(
    aftermath: tuple[LiveServer, Told, int],
) -> None:
    server, _, received_atomic = aftermath
    assert stop(server) == 0
    twice = "SELECT ref, code FROM transfer GROUP BY ref, code, debit, credit HAVING count(*) > 1"
    assert rows(server.data_dir, twice) == []
    taken = "SELECT coalesce(sum(amount), 0) FROM transfer WHERE debit = 'chain'"
    [(from_chain,)] = rows(server.data_dir, taken)
    assert from_chain == nano_from_atomic(received_atomic)
    revenue = "SELECT sum(amount) FROM transfer WHERE credit = 'revenue'"
    charged = "SELECT sum(charged_nano_usd) FROM usage"
    back = "SELECT coalesce(sum(amount), 0) FROM transfer WHERE debit = 'revenue'"
    [(earned,)], [(used,)], [(undone,)] = (rows(server.data_dir, q) for q in (revenue, charged, back))
    assert earned - undone == used


@pytest.mark.slow
def test_no_hold_is_left_and_every_balance_is_the_sum_of_its_transfers(
    aftermath: tuple[LiveServer, Told, int],
) -> None:
    server, _, _ = aftermath

    async def audited() -> Any:
        store = await open_store(server.data_dir / DATABASE, TABLES)
        try:
            return await audit(store)
        finally:
            await store.close()

    books = asyncio.run(audited())
    assert books.faults == ()
    assert books.total_nano_usd == 0
    assert books.held_nano_usd == 0
