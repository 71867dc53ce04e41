"""``python -m benchmarks.store``: metered calls with durable money through the store, no server around.

One call is a hold (visible), then one commit of capture, usage and a 900-byte record (durable).
"""

import asyncio
import gc
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from sqlalchemy import create_engine

from base.clock import SystemClock
from base.ids import new_run_id
from base.pricing import PriceCard, Quote
from base.usage import Usage
from settlement.evidence import tables as evidence
from settlement.evidence.ops import evidence_key
from settlement.ledger import ops, tables
from settlement.ledger.accounts import Accounts
from settlement.ledger.credentials import KeyLimits
from settlement.ledger.keys import Keys
from settlement.ledger.usage import usage_op
from settlement.rail import Outcome, RunStatus, Served
from storage.op import Op, Refused, Rows
from storage.sqlite import SqliteStore, open_store
from storage.tables import TABLES

CLIENTS = 512
RATE_CLIENTS = 64
RATE = 300
SECONDS = 8.0
WARM_S = 1.0
ACCOUNTS = 100
RECORD = os.urandom(900)
HOLD_NANO = 1_000_000
FUNDS_NANO = 10**15
SCHEMAS = (TABLES, tables.TABLES, evidence.TABLES)
QUOTE = Quote("chat-1", PriceCard("bench", 100_000, 300_000), Usage(1000, 1000))


@dataclass(slots=True)
class Tally:
    """Latencies in seconds: of the hold until visible, of the capture until durable."""

    visible: list[float] = field(default_factory=list)
    durable: list[float] = field(default_factory=list)

    def line(self, name: str, seconds: float) -> str:
        shown = " ".join(
            f"{what} p50 {quantile(values, 0.5):.2f} p99 {quantile(values, 0.99):.2f} ms;"
            for what, values in (("visible", self.visible), ("durable", self.durable))
        )
        return f"{name:<28} {len(self.durable) / seconds:>8,.0f} calls/s  {shown}"


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3


def outcome(run_id: str) -> Outcome:
    return Outcome(
        run_id,
        "chat",
        "chat-1",
        Served("m", "r", "e", "1"),
        Usage(100, 50),
        QUOTE,
        RunStatus.COMPLETED,
        "sha256:" + "a" * 64,
        "sha256:" + "b" * 64,
        "c" * 32,
        "",
        1,
        2,
    )


def record_op(run_id: str) -> Op:
    row = {
        "run_id": run_id,
        "payload": RECORD,
        "signature": RECORD[:64],
        "key_id": "12345678",
        "public_key": RECORD[:32],
        "recorded_at_ms": 1,
    }
    queued = {"run_id": run_id, "payload_hash": RECORD[:32]}
    key = evidence_key(run_id)

    def fold(rows: Rows) -> None:
        rows.put(key, row)
        rows.add("log_queue", queued)

    return Op((), fold, fresh=(key,))


async def call(store: SqliteStore, account_id: str, key_id: str, tally: Tally) -> None:
    run_id, now_ms = new_run_id(), time.time_ns() // 1_000_000
    started = time.perf_counter()
    held = await store.submit(
        ops.hold(run_id, account_id, key_id, HOLD_NANO, store.lease, now_ms)
    ).visible
    tally.visible.append(time.perf_counter() - started)
    started = time.perf_counter()
    done = await store.commit(
        ops.capture(run_id, account_id, key_id, 25_000, now_ms),
        usage_op(outcome(run_id), account_id, key_id, "balance", 25_000),
        record_op(run_id),
    )
    tally.durable.append(time.perf_counter() - started)
    if isinstance(held, Refused) or isinstance(done, Refused):
        raise AssertionError(f"the store refused: {held}, {done}")


async def closed_loop(
    store: SqliteStore, payers: list[tuple[str, str]], clients: int, seconds: float
) -> Tally:
    tally = Tally()
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        account_id, key_id = payers[number % len(payers)]
        while time.perf_counter() < until:
            await call(store, account_id, key_id, tally)

    await asyncio.gather(*(client(number) for number in range(clients)))
    return tally


async def open_loop(
    store: SqliteStore, payers: list[tuple[str, str]], clients: int, rate: int, seconds: float
) -> Tally:
    tally = Tally()
    started = time.perf_counter()

    async def client(number: int) -> None:
        account_id, key_id = payers[number % len(payers)]
        for turn in range(int(seconds * rate / clients)):
            at = started + (turn * clients + number) / rate
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            await call(store, account_id, key_id, tally)

    await asyncio.gather(*(client(number) for number in range(clients)))
    return tally


async def open_accounts(store: SqliteStore) -> list[tuple[str, str]]:
    """Funded accounts, each with a key that has a budget: (account id, key id)."""
    clock = SystemClock()
    accounts, keys = Accounts(store, clock), Keys(store, clock, bytes(32))
    made = []
    for number in range(ACCOUNTS):
        account = await accounts.create(f"bench {number}")
        key = await keys.create(account.id, "bench", KeyLimits(monthly_budget_nano_usd=FUNDS_NANO))
        await store.commit(ops.credit(account.id, FUNDS_NANO, "bench", str(number), 1))
        made.append((account.id, key.id))
    return made


def create_schema(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    for schema in SCHEMAS:
        schema.create_all(engine)
    engine.dispose()


async def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path = Path(folder, "batchin.db")
        create_schema(path)
        store = await open_store(path, SCHEMAS)
        payers = await open_accounts(store)
        await closed_loop(store, payers, CLIENTS, WARM_S)
        tally = await closed_loop(store, payers, CLIENTS, SECONDS)
        print(tally.line(f"{CLIENTS} clients, saturated", SECONDS))
        tally = await open_loop(store, payers, RATE_CLIENTS, RATE, SECONDS)
        print(tally.line(f"{RATE_CLIENTS} clients, {RATE}/s", SECONDS))
        print(store.stats())
        await store.close()


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
