"""``python -m benchmarks.evidence``: what proof costs a call: sign, append, log, with no server around.

10,000 calls, each with its record and receipt signed, committed durably, and given its place in the log.
"""

import asyncio
import gc
import resource
import tempfile
import time
from pathlib import Path

import uvloop
from sqlalchemy import create_engine

from base.clock import SystemClock
from base.ids import new_run_id
from base.pricing import PriceCard, Quote
from base.signing import SeedSigner
from base.usage import Usage
from settlement.evidence import tables as evidence
from settlement.evidence.integrator import Integrator
from settlement.evidence.keyring import KeyRing
from settlement.evidence.ops import evidence_op
from settlement.evidence.recorder import Recorder
from settlement.evidence.signed import PaymentFacts
from settlement.rail import Outcome, RunStatus, Served, Terms
from storage.op import Op
from storage.sqlite import SqliteStore, open_store
from storage.tables import TABLES

CALLS = 10_000
AT_ONCE = 64
QUOTE = Quote("chat-1", PriceCard("bench", 100_000, 300_000), Usage(1000, 1000))
TERMS = Terms(rail="balance", payer="acct_1", max_amount="1000000")
HASH = "sha256:" + "ab" * 32


def outcome(at_ms: int) -> Outcome:
    return Outcome(
        run_id=new_run_id(),
        tool="chat",
        model="chat-1",
        served=Served("chat-1", "r1", "engine", "1.0"),
        usage=Usage(1000, 500),
        quote=QUOTE,
        status=RunStatus.COMPLETED,
        request_hash=HASH,
        response_hash=HASH,
        trace_id="0" * 32,
        prompt_version="default",
        started_at_ms=at_ms,
        ended_at_ms=at_ms,
    )


async def signed(recorder: Recorder, clock: SystemClock) -> Op:
    at_ms = clock.now_ms()
    record = await recorder.evidence(outcome(at_ms), TERMS, 250)
    receipt = await recorder.receipt(record, PaymentFacts(250), at_ms)
    return evidence_op(record, receipt, at_ms)


async def appended(
    store: SqliteStore, recorder: Recorder, clock: SystemClock
) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of each call: of the loop's own CPU until its proof was signed and queued; on the
    wall until it was visible, which is when it is folded; and the latter where no other process took the
    core away meanwhile. The disk is waited for beside."""
    held: list[float] = []
    visible: list[float] = []
    calm: list[float] = []
    durable = []
    for _ in range(CALLS):
        start, cpu, taken = time.perf_counter(), time.thread_time(), _preempted()
        ticket = store.submit(await signed(recorder, clock))
        held.append((time.thread_time() - cpu) * 1000)
        await ticket.visible
        visible.append((time.perf_counter() - start) * 1000)
        if _preempted() == taken:
            calm.append(visible[-1])
        durable.append(ticket.durable)
        if len(durable) == AT_ONCE:
            await asyncio.gather(*durable)
            durable.clear()
    await asyncio.gather(*durable)
    return held, visible, calm


def _preempted() -> int:
    """How often this thread had to give its core to others."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


async def main() -> None:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        engine = create_engine(f"sqlite:///{folder / 'bench.db'}")
        for schema in (TABLES, evidence.TABLES):
            schema.create_all(engine)
        engine.dispose()
        store = await open_store(folder / "bench.db", (TABLES, evidence.TABLES))
        recorder = Recorder(KeyRing.open(folder, clock), "development")
        for _ in range(500):
            await signed(recorder, clock)
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        held, visible, calm = await appended(store, recorder, clock)
        cpu_append, wall = time.process_time() - cpu, time.perf_counter() - wall
        cpu = time.process_time()
        logged = await Integrator(store, SeedSigner(b"l" * 32), "bench", clock).integrate()
        cpu_log = time.process_time() - cpu
        await store.close()
    print(f"{logged:,} calls, {logged / wall:,.0f} durable appends/s")
    for name, times in (
        ("append, CPU of the loop", held),
        ("append, wall until visible", visible),
        ("the same, undisturbed by other processes", calm),
    ):
        times.sort()
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        print(f"{name}: p50 {p50:.3f} ms, p99 {p99:.3f} ms ({len(times):,} calls)")
    appending, logging = cpu_append / logged * 1000, cpu_log / logged * 1000
    print(f"CPU a call: sign and append {appending:.3f} ms, log {logging:.3f} ms")


if __name__ == "__main__":
    uvloop.run(main())
