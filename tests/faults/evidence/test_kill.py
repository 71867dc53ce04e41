"""kill -9 while the log grows: nothing acknowledged is lost, and there is one log."""

import json
import random
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from settlement.evidence import merkle
from settlement.evidence.checkpoint import Checkpoint, Note
from settlement.evidence.integrator import Integrator
from settlement.evidence.log import Log
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.tables import CHECKPOINT, EVIDENCE, LOG_ENTRY, LOG_QUEUE, TABLES
from settlement.evidence.tiles import grown, node_of
from storage.sqlite import SqliteStore
from tests.stores import fresh_store
from tests.unit.settlement.evidence.case import LOG, LOG_KEY, failed, open_desk

KILLS = 6
ROOT = Path(__file__).parents[3]


def grow_until_killed(folder: Path, notes: int) -> list[Checkpoint]:
    """The checkpoints that were acknowledged before the process was killed."""
    command = [sys.executable, "-m", "tests.faults.evidence.grow", str(folder)]
    seen: list[Checkpoint] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for line in child.stdout:
            note = json.loads(line)
            if note is not None:
                seen.append(Note.parse(note).checkpoint)
            if len(seen) >= notes:
                break
        child.kill()
    assert len(seen) >= notes
    return seen


async def check_whole(store: SqliteStore) -> None:
    """Each record is in the queue or in the log, once, and each checkpoint is what the entries give."""
    entries = await store.read(select(LOG_ENTRY).order_by(LOG_ENTRY.c.leaf_index))
    queued = await store.read(select(LOG_QUEUE.c.run_id))
    records = await store.read(select(EVIDENCE.c.run_id))
    assert [row["leaf_index"] for row in entries] == list(range(len(entries)))
    placed = [row["run_id"] for row in (*entries, *queued)]
    assert sorted(placed) == sorted(row["run_id"] for row in records)
    leaves = [merkle.leaf_hash(row["payload_hash"]) for row in entries]
    node = node_of(grown(0, {}, leaves))
    checkpoints = await store.read(select(CHECKPOINT).order_by(CHECKPOINT.c.size))
    assert checkpoints[-1]["size"] == len(entries)
    for row in checkpoints:
        note = Note.parse(row["note"])
        assert note.signed_by(LOG_KEY)
        assert note.checkpoint == Checkpoint(LOG_KEY.name, row["size"], row["root"])
        assert row["root"] == merkle.root(row["size"], node)


async def test_a_killed_integrator_never_forks_the_log(tmp_path: Path) -> None:
    dice = random.Random(20261124)
    kept: list[Checkpoint] = []
    for _ in range(KILLS):
        kept += grow_until_killed(tmp_path, dice.randint(1, 12))
        async with fresh_store(tmp_path, TABLES) as store:
            await check_whole(store)
            log = Log(store, LOG_KEY)
            head = await log.head()
            for checkpoint in kept:
                answer = await log.consistency(checkpoint.size, head.size)
                proof = [bytes.fromhex(item) for item in answer["proof"]]
                assert merkle.consistent(checkpoint.size, head.size, checkpoint.root, head.root, proof)

    desk = open_desk(tmp_path / "keys")
    async with fresh_store(tmp_path, TABLES) as store:
        await Integrator(store, LOG, LOG_KEY.name, desk.clock).integrate()
        await check_whole(store)
        assert await store.read(select(LOG_QUEUE)) == []
        reader = EvidenceReader(store, desk.keys, Log(store, LOG_KEY))
        for row in (await store.read(select(LOG_ENTRY.c.run_id)))[::50]:
            bundle = await reader.bundle(row["run_id"])
            assert failed(reader.judge(bundle).checks) == []
