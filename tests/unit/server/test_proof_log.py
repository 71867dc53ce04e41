"""The log as anybody reads it over HTTP, and what is found when it was tampered with."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from base.agent_settings import AgentSettings
from server.control import control_plane
from server.proof import Proof
from settlement.agent.seat import AgentSeat
from settlement.evidence.checkpoint import Note
from settlement.evidence.integrator import Integrator
from settlement.evidence.log import Log
from settlement.evidence.merkle import consistent, included, leaf_hash
from settlement.evidence.ops import evidence_op
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.tables import TABLES
from settlement.limits.addresses import AddressLimits
from storage.sqlite import SqliteStore
from tests.stores import fresh_store
from tests.unit.settlement.evidence.case import LOG, LOG_KEY, START_MS, Desk, open_desk

RPM = 600


@dataclass
class House:
    store: SqliteStore
    desk: Desk
    http: httpx2.AsyncClient

    async def grow(self, count: int) -> list[str]:
        """Record ids of ``count`` new entries."""
        made = [self.desk.signed() for _ in range(count)]
        await asyncio.gather(*(self.store.commit(evidence_op(*pair, START_MS)) for pair in made))
        await Integrator(self.store, LOG, LOG_KEY.name, self.desk.clock).integrate()
        return [evidence.wire["record_id"] for evidence, _ in made]

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        answer = await self.http.get(path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    desk = open_desk(tmp_path / "keys")
    async with fresh_store(tmp_path, TABLES) as store:
        log = Log(store, LOG_KEY)
        seat = AgentSeat(
            AgentSettings(), tmp_path, "http://agents.example", store, log, desk.clock, None
        )
        app = control_plane(
            Proof(EvidenceReader(store, desk.keys, log), seat, AddressLimits(RPM, desk.clock)).routes()
        )
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://agents.example") as http:
            yield House(store, desk, http)


async def test_an_empty_log_is_whole(house: House) -> None:
    head = await house.get("/v1/audit/log/head")
    assert (head["size"], head["checkpoint"], head["checkpoint_at"]) == (0, None, None)
    assert (await house.get("/v1/audit/chain/integrity"))["valid"] is True
    assert await house.get("/v1/audit/log/entries") == {"entries": [], "size": 0}
    await house.get("/v1/audit/log/inclusion/0", 400)


async def test_who_reads_all_of_it_needs_nobody(house: House) -> None:
    ids = await house.grow(70)
    before = await house.get("/v1/audit/log/head")
    await house.grow(13)
    head = await house.get("/v1/audit/log/head")
    note = Note.parse(head["checkpoint"])
    assert note.signed_by(LOG_KEY)
    assert (note.checkpoint.size, note.checkpoint.root.hex()) == (head["size"], head["root"])
    entries = (await house.get("/v1/audit/log/entries", start=0, limit=1000))["entries"]
    assert [entry["leaf_index"] for entry in entries] == list(range(83))
    root = bytes.fromhex(head["root"])
    for at in (0, 40, 69, 82):
        found = await house.get(f"/v1/audit/log/inclusion/{at}")
        leaf = leaf_hash(bytes.fromhex(entries[at]["payload_hash"].removeprefix("sha256:")))
        assert included(leaf, at, 83, hashes(found["proof"]), root)
        assert (await house.post("/v1/audit/verify-merkle", place(found)))["valid"] is True
    by_id = await house.get(f"/v1/audit/log/inclusion/{ids[5]}")
    assert by_id == await house.get(f"/v1/audit/log/inclusion/{by_id['leaf_index']}")
    proof = await house.get("/v1/audit/log/consistency", first=70)
    assert (proof["second"], proof["second_root"]) == (83, head["root"])
    assert consistent(70, 83, bytes.fromhex(before["root"]), root, hashes(proof["proof"]))


async def test_questions_beyond_the_log_say_what_is_allowed(house: House) -> None:
    await house.grow(3)
    for path, params in (
        ("inclusion/3", {}),
        ("inclusion/" + "9" * 18, {}),
        ("consistency", {"first": 2, "second": 9}),
        ("consistency", {"first": 3, "second": 2}),
        ("entries", {"start": "x"}),
    ):
        refused = await house.get("/v1/audit/log/" + path, 400, **params)
        assert refused["error"]["code"] == "invalid_request"
    for nothing in ("vaas_" + "0" * 32, "-1", "9" * 19):
        await house.get(f"/v1/audit/log/inclusion/{nothing}", 404)
    assert (await house.get("/v1/audit/log/entries", start=3))["entries"] == []
    assert len((await house.get("/v1/audit/log/entries", limit=2))["entries"]) == 2


@pytest.mark.parametrize("size", [1, 2, 7, 64])
async def test_a_path_is_judged_with_and_without_its_place(house: House, size: int) -> None:
    await house.grow(size)
    for at in range(size):
        found = await house.get(f"/v1/audit/log/inclusion/{at}")
        bare = {name: found[name] for name in ("leaf_hash", "proof", "root")}
        for asked in (bare, place(found)):
            assert (await house.post("/v1/audit/verify-merkle", asked))["valid"] is True
            for wrong in ({"root": "00" * 32}, {"leaf_hash": "00" * 32}):
                assert (await house.post("/v1/audit/verify-merkle", asked | wrong))["valid"] is False
        elsewhere = place(found) | {"leaf_index": (at + 1) % (size + 1)}
        if at + 1 < size:
            assert (await house.post("/v1/audit/verify-merkle", elsewhere))["valid"] is False


async def test_a_path_with_sides_is_walked_as_they_say(house: House) -> None:
    await house.grow(2)
    found = await house.get("/v1/audit/log/inclusion/0")
    path = "/v1/audit/verify-merkle"
    asked = {"leaf_hash": found["leaf_hash"], "root": found["root"]}
    for side, valid in (("right", True), ("left", False)):
        sibling = {"hash": found["proof"][0], "position": side}
        assert (await house.post(path, asked | {"proof": [sibling]}))["valid"] is valid
    long = asked | {"proof": ["00" * 32] * 13}
    refused = await house.post(path, long, 400)
    assert "leaf_index" in refused["error"]["resolution"]
    await house.post(path, asked | {"proof": [], "leaf_index": 0}, 400)
    await house.post(path, asked | {"proof": ["00" * 31]}, 400)
    await house.post(path, asked | {"proof": ["00" * 32] * 65}, 400)


@pytest.mark.parametrize(
    ("trick", "failing"),
    [
        (
            ("UPDATE log_tile SET hashes = CAST(? || substr(hashes, 33) AS BLOB)", (b"x" * 32,)),
            ["consistency", "root"],
        ),
        (("DELETE FROM log_tile", ()), ["consistency", "root"]),
        (("DELETE FROM log_entry WHERE leaf_index = 8", ()), ["entries"]),
        (("DELETE FROM checkpoint WHERE size = 9", ()), ["entries"]),
        (
            ("UPDATE checkpoint SET root = ? WHERE size = 9", (b"x" * 32,)),
            ["checkpoint", "consistency", "root"],
        ),
        (("UPDATE checkpoint SET root = ? WHERE size = 5", (b"x" * 32,)), ["consistency"]),
        (("UPDATE checkpoint SET note = ? WHERE size = 9", ("no note",)), ["checkpoint"]),
        (
            (
                "UPDATE checkpoint SET note = replace(note, 'log.e', 'log.f') WHERE size = 9",
                (),
            ),
            ["checkpoint"],
        ),
    ],
    ids=["rewrite", "lost nodes", "truncate", "rollback", "fork", "changed past", "no note", "other"],
)
async def test_what_was_done_to_the_log_is_named(
    house: House, tmp_path: Path, trick: tuple[str, Sequence[Any]], failing: list[str]
) -> None:
    await house.grow(5)
    await house.grow(4)
    whole = await house.get("/v1/audit/chain/integrity")
    assert (whole["size"], whole["valid"]) == (9, True)
    with closing(sqlite3.connect(tmp_path / "batchin.db")) as file, file:
        file.execute(*trick)
    found = await house.get("/v1/audit/chain/integrity")
    assert found["valid"] is False
    assert sorted(check["name"] for check in found["checks"] if not check["valid"]) == failing


async def test_no_chain_is_ready_and_says_why(house: House) -> None:
    [record_id] = await house.grow(1)
    ready = await house.get("/v1/vaas/anchors/readiness")
    assert ready["ready"] is False
    assert ready["reason"]
    assert {chain["chain"]: chain["ready"] for chain in ready["chains"]} == {
        "base": False,
        "base-sepolia": False,
    }
    for path in ("/v1/vaas/anchor/base", "/v1/vaas/anchors/testnet"):
        answer = await house.post(path, {"record_id": record_id})
        assert (answer["ready"], answer["transaction"]) == (False, None)
        assert (answer["record_id"], bool(answer["reason"])) == (record_id, True)
        await house.post(path, {"record_id": "vaas_" + "0" * 32}, 404)
        await house.post(path, {}, 400)


def hashes(proof: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(sibling) for sibling in proof]


def place(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("leaf_hash", "proof", "root", "leaf_index", "tree_size")}


async def test_one_address_asks_so_often_and_then_waits(house: House) -> None:
    for _ in range(RPM):
        await house.get("/v1/audit/log/head")
    answer = await house.http.get("/v1/audit/log/head")
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "rate_limited"
    assert answer.headers["retry-after"] == "1"
    house.desk.clock.advance_s(1)
    await house.get("/v1/audit/log/head")
