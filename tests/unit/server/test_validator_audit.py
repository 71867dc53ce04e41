"""A validator that kept what it saw finds a log that was forked, rolled back, reordered or cut."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from base.agent_settings import AgentSettings
from server.control import control_plane
from server.proof import Proof
from server.validator.audit import Auditor, score_of
from server.validator.memory import Memory
from settlement.agent.seat import AgentSeat
from settlement.chain.keccak import keccak256
from settlement.evidence.anchors import Anchor, AnchorState, save
from settlement.evidence.integrator import Integrator
from settlement.evidence.log import Log
from settlement.evidence.ops import evidence_op
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.tables import TABLES
from settlement.evidence.verdict import Result, Verdict
from settlement.limits.addresses import AddressLimits
from storage.sqlite import SqliteStore
from tests.stores import fresh_store
from tests.unit.settlement.evidence.case import LOG, LOG_KEY, START_MS, Desk, open_desk


@dataclass
class Served:
    store: SqliteStore
    desk: Desk
    http: httpx2.AsyncClient
    path: Path

    async def anchored(self, records: int) -> str:
        """The digest of a checkpoint over so many more records."""
        for _ in range(records):
            evidence, receipt = self.desk.signed()
            await self.store.commit(evidence_op(evidence, receipt, START_MS))
        await Integrator(self.store, LOG, LOG_KEY.name, self.desk.clock).integrate()
        head = await Log(self.store, LOG_KEY).head()
        assert head.note is not None
        digest = "0x" + keccak256(head.note.encode()).hex()
        anchor = Anchor(
            genesis="0x00",
            size=head.size,
            kind="validation_registry",
            network="eip155:31337",
            registry="0x" + "ab" * 20,
            agent_id="0",
            note=head.note,
            digest=digest,
            at_ms=START_MS,
            state=AnchorState.FINAL,
        )
        await self.store.commit(save(anchor))
        return digest

    async def audit(self, memory: Memory, digest: str) -> Verdict:
        return await Auditor(self.http, memory).audit(digest)


@asynccontextmanager
async def served(folder: Path, keys: Path) -> AsyncIterator[Served]:
    desk = open_desk(keys)
    folder.mkdir()  # noqa: ASYNC240 - a test's
    async with fresh_store(folder, TABLES) as store:
        log = Log(store, LOG_KEY)
        seat = AgentSeat(AgentSettings(), folder, "http://s", store, log, desk.clock, None)
        proof = Proof(EvidenceReader(store, desk.keys, log), seat, AddressLimits(10**6, desk.clock))
        transport = httpx2.ASGITransport(app=control_plane(proof.routes()))
        async with httpx2.AsyncClient(transport=transport, base_url="http://s") as http:
            yield Served(store, desk, http, folder / "batchin.db")


def failing(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if check.result is Result.FAIL}


async def test_a_log_that_only_grows_is_whole(tmp_path: Path) -> None:
    async with served(tmp_path / "a", tmp_path / "keys") as server:
        path = tmp_path / "memory.json"
        for records in (3, 1, 300):
            memory = Memory.read(path)
            verdict = await server.audit(memory, await server.anchored(records))
            assert (failing(verdict), score_of(verdict)) == (set(), 100)
            memory.save()
        assert Memory.read(path).frontier.size == 304


async def test_an_anchor_of_before_is_judged_against_what_was_read(tmp_path: Path) -> None:
    async with served(tmp_path / "a", tmp_path / "keys") as server:
        memory = Memory(tmp_path / "memory.json")
        first, second = await server.anchored(3), await server.anchored(4)
        assert not failing(await server.audit(memory, second))
        assert not failing(await server.audit(memory, first))


async def test_a_fork_and_a_rollback_are_found(tmp_path: Path) -> None:
    """Two logs under one key, each whole in itself: who saw one refuses the other."""
    memory = Memory(tmp_path / "memory.json")
    async with (
        served(tmp_path / "a", tmp_path / "keys") as one,
        served(tmp_path / "b", tmp_path / "keys") as other,
    ):
        assert not failing(await one.audit(memory, await one.anchored(5)))
        rolled_back = await other.anchored(3)
        assert not failing(await other.audit(Memory(tmp_path / "new.json"), rolled_back))
        grown = await other.anchored(5)
        verdict = await other.audit(memory, grown)
        assert (failing(verdict), score_of(verdict)) == ({"log.root"}, 0)
        memory_of_one = Memory(tmp_path / "again.json")
        await one.audit(memory_of_one, await one.anchored(1))
        verdict = await other.audit(memory_of_one, rolled_back)
        assert (failing(verdict), score_of(verdict)) == ({"log.consistency"}, 0)


@pytest.mark.parametrize(
    "trick",
    [
        (
            "UPDATE log_entry SET leaf_index = 104 WHERE leaf_index = 3;"
            "UPDATE log_entry SET leaf_index = 3 WHERE leaf_index = 4;"
            "UPDATE log_entry SET leaf_index = 4 WHERE leaf_index = 104;"
        ),
        "DELETE FROM log_entry WHERE leaf_index >= 5;",
        "UPDATE log_entry SET payload_hash = zeroblob(32) WHERE leaf_index = 4;",
    ],
    ids=["reordered", "cut", "changed"],
)
async def test_entries_that_were_tampered_with_are_found(tmp_path: Path, trick: str) -> None:
    memory = Memory(tmp_path / "memory.json")
    async with served(tmp_path / "a", tmp_path / "keys") as server:
        assert not failing(await server.audit(memory, await server.anchored(2)))
        digest = await server.anchored(4)
        with closing(sqlite3.connect(server.path, timeout=60)) as file, file:
            file.executescript(trick)
        verdict = await server.audit(memory, digest)
        assert (failing(verdict), score_of(verdict)) == ({"log.root"}, 0)
