"""The log over a real store: it grows in commits, proves what it holds, and never forks."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from settlement.evidence import merkle
from settlement.evidence.checkpoint import Note
from settlement.evidence.integrator import Integrator
from settlement.evidence.log import BadRange, Log
from settlement.evidence.ops import evidence_op, receipt_op
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.signed import PaymentFacts, Signed
from settlement.evidence.tables import CHECKPOINT, LOG_QUEUE, TABLES
from settlement.evidence.verify import Bodies
from storage.op import Refused
from storage.sqlite import SqliteStore
from tests.clocks import HandClock
from tests.stores import fresh_store
from tests.unit.settlement.evidence.case import (
    LOG,
    LOG_KEY,
    ON_CHAIN,
    REQUEST,
    RESPONSE,
    START_MS,
    X402,
    Desk,
    open_desk,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with fresh_store(tmp_path, TABLES) as store:
        yield store


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return open_desk(tmp_path / "keys")


def integrator(store: SqliteStore) -> Integrator:
    return Integrator(store, LOG, LOG_KEY.name, HandClock())


async def record(store: SqliteStore, desk: Desk, count: int = 1) -> list[Signed]:
    signed = [desk.signed() for _ in range(count)]
    await asyncio.gather(
        *(store.commit(evidence_op(evidence, receipt, START_MS)) for evidence, receipt in signed)
    )
    return [evidence for evidence, _ in signed]


async def test_an_empty_log_has_the_empty_root(store: SqliteStore) -> None:
    head = await Log(store, LOG_KEY).head()
    assert (head.size, head.root, head.note) == (0, merkle.EMPTY_ROOT, None)
    assert await integrator(store).integrate() == 0


async def test_every_committed_record_is_proved(store: SqliteStore, desk: Desk) -> None:
    log = Log(store, LOG_KEY)
    reader = EvidenceReader(store, desk.keys, log)
    for count in (1, 2, 300, 5):
        records = await record(store, desk, count)
        assert await log.inclusion(records[0].run_id) is None
        assert await integrator(store).integrate() == count
        for evidence in records[:: max(1, count // 5)]:
            bundle = await reader.bundle(evidence.run_id)
            verdict = reader.judge(bundle, Bodies(REQUEST, RESPONSE))
            assert [check for check in verdict.checks if check.result != "pass"] == []
    assert (await log.head()).size == 308


async def test_indexes_follow_the_commits_without_gaps(store: SqliteStore, desk: Desk) -> None:
    expected = [(await record(store, desk))[0].run_id for _ in range(5)]
    await integrator(store).integrate()
    expected += [(await record(store, desk))[0].run_id for _ in range(5)]
    await integrator(store).integrate()
    log = Log(store, LOG_KEY)
    entries = await log.entries(0)
    assert [(entry.leaf_index, entry.run_id) for entry in entries] == list(enumerate(expected))
    assert [entry.leaf_index for entry in await log.entries(3, 4)] == [3, 4, 5, 6]
    assert await store.read(select(LOG_QUEUE)) == []


async def test_many_records_are_covered_by_several_checkpoints(store: SqliteStore, desk: Desk) -> None:
    await record(store, desk, 700)
    assert await integrator(store).integrate() == 700
    rows = await store.read(select(CHECKPOINT).order_by(CHECKPOINT.c.size))
    assert [row["size"] for row in rows] == [256, 512, 700]


async def test_every_checkpoint_is_signed_and_consistent_with_all_before(
    store: SqliteStore, desk: Desk
) -> None:
    log = Log(store, LOG_KEY)
    for count in (1, 3, 250, 7, 40):
        await record(store, desk, count)
        await integrator(store).integrate()
    notes = [Note.parse(row["note"]) for row in await store.read(select(CHECKPOINT))]
    assert len(notes) == 5
    for note in notes:
        assert note.signed_by(LOG_KEY)
        for later in notes:
            first, second = note.checkpoint, later.checkpoint
            if first.size > second.size:
                continue
            answer = await log.consistency(first.size, second.size)
            proof = [bytes.fromhex(item) for item in answer["proof"]]
            assert answer["second_root"] == second.root.hex()
            assert merkle.consistent(first.size, second.size, first.root, second.root, proof)
    for smaller, larger in ((-1, 1), (2, 1), (0, 302)):
        with pytest.raises(BadRange):
            await log.consistency(smaller, larger)


async def test_integrators_that_meet_do_not_fork_the_log(store: SqliteStore, desk: Desk) -> None:
    await record(store, desk, 20)
    done = await asyncio.gather(*(integrator(store).integrate() for _ in range(4)))
    assert sum(done) == 20
    entries = await Log(store, LOG_KEY).entries(0)
    assert [entry.leaf_index for entry in entries] == list(range(20))
    assert len({entry.run_id for entry in entries}) == 20


async def test_a_log_that_was_cut_back_or_rewritten_is_found_out(tmp_path: Path, desk: Desk) -> None:
    """A verifier who kept a checkpoint asks for consistency with the present one."""
    async with fresh_store(_folder(tmp_path, "honest"), TABLES) as store:
        records = await record(store, desk, 12)
        await integrator(store).integrate()
        kept = await Log(store, LOG_KEY).head()
    async with fresh_store(_folder(tmp_path, "rewritten"), TABLES) as store:
        for evidence in [*records[:5], desk.signed()[0], *records[6:]]:
            await store.commit(evidence_op(evidence, None, START_MS))
        await record(store, desk, 8)
        await integrator(store).integrate()
        log = Log(store, LOG_KEY)
        head = await log.head()
        answer = await log.consistency(kept.size, head.size)
        proof = [bytes.fromhex(item) for item in answer["proof"]]
        assert not merkle.consistent(kept.size, head.size, kept.root, head.root, proof)
    async with fresh_store(_folder(tmp_path, "cut"), TABLES) as store:
        for evidence in records[:7]:
            await store.commit(evidence_op(evidence, None, START_MS))
        await integrator(store).integrate()
        log = Log(store, LOG_KEY)
        assert (await log.head()).size < kept.size
        with pytest.raises(BadRange):
            await log.consistency(kept.size, (await log.head()).size)


async def test_run_integrates_by_itself(store: SqliteStore, desk: Desk) -> None:
    [evidence] = await record(store, desk)
    log = Log(store, LOG_KEY)
    task = asyncio.create_task(integrator(store).run())
    async with asyncio.timeout(60), aclosing(_ticks()) as ticks:
        async for _ in ticks:
            if await log.inclusion(evidence.run_id):
                break
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_documents_are_found_by_each_id_and_nothing_else(store: SqliteStore, desk: Desk) -> None:
    [evidence] = await record(store, desk)
    reader = EvidenceReader(store, desk.keys, Log(store, LOG_KEY))
    payload = evidence.wire["payload"]
    for any_id in (payload["run_id"], payload["record_id"], payload["audit_id"]):
        assert await reader.evidence(any_id) == evidence.wire
        assert (await reader.signed(any_id)) == evidence
        receipt = await reader.receipt(any_id)
        assert receipt is not None
        assert receipt["record_id"] == payload["record_id"]
        shown = await reader.record(any_id)
        assert shown is not None
        assert shown["audit_id"] == payload["audit_id"]
        assert shown["input_hash"] == payload["input_hash"].removeprefix("sha256:")
        assert shown["signature"] == evidence.signature.hex()
        assert shown["energy_wh"] is None
        verdict = await reader.verify(any_id)
        assert verdict is not None
        assert (verdict["audit_id"], verdict["valid"]) == (payload["audit_id"], True)
        assert {"name": "evidence.signature", "valid": True, "result": "pass", "detail": ""} in verdict[
            "checks"
        ]
    for unknown in ("run_" + "0" * 32, "nothing", "", "'; --", "vaas_" + "z" * 32):
        assert await reader.bundle(unknown) is None
        assert await reader.verify(unknown) is None
        assert await reader.record(unknown) is None


async def test_a_receipt_comes_later_and_once(store: SqliteStore, desk: Desk) -> None:
    evidence, receipt = desk.signed(X402, ON_CHAIN)
    reader = EvidenceReader(store, desk.keys, Log(store, LOG_KEY))
    refused = await store.commit(receipt_op(evidence.run_id, receipt))
    assert isinstance(refused, Refused)
    assert refused.code == "no_evidence"
    await store.commit(evidence_op(evidence, None, START_MS))
    bundle = await reader.bundle(evidence.run_id)
    assert bundle is not None
    assert bundle["receipt"] is None

    desk.clock.advance_s(5)
    desk.keys.rotate()
    restored = await reader.signed(evidence.run_id)
    assert restored is not None
    late = desk.receipt(restored, ON_CHAIN, START_MS + 3_000)
    assert await store.commit(receipt_op(evidence.run_id, late)) == (None,)
    assert await reader.receipt(evidence.run_id) == late.wire
    again = desk.receipt(restored, PaymentFacts(1), START_MS + 9_000)
    refused = await store.commit(receipt_op(evidence.run_id, again))
    assert isinstance(refused, Refused)
    assert refused.code == "duplicate"
    assert await reader.receipt(evidence.run_id) == late.wire
    assert (await reader.verify(evidence.run_id) or {})["valid"]


async def test_the_key_document_is_enough_to_verify(store: SqliteStore, desk: Desk) -> None:
    reader = EvidenceReader(store, desk.keys, Log(store, LOG_KEY))
    document = reader.keys_document()
    assert document["log"]["verifier_key"] == LOG_KEY.verifier_key()
    assert reader.trust().log_keys == (LOG_KEY,)
    assert document["keys"][-1]["verify_key_hex"] == document["verify_key_hex"]


async def test_growing_reads_and_writes_few_rows(store: SqliteStore, desk: Desk) -> None:
    await record(store, desk, 600)
    await integrator(store).integrate()
    [row] = await store.read(select(func.count().label("tiles")).select_from(TABLES.tables["log_tile"]))
    assert row["tiles"] == 4


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


async def _ticks() -> AsyncGenerator[None]:
    while True:
        yield
        await asyncio.sleep(0.01)
