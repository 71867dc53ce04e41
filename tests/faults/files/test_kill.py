"""kill -9 while files come and go: what was acknowledged is there, and nothing is left of the rest."""

import asyncio
import hashlib
import os
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from server.tables import DATABASE
from tests.live import LiveServer, start, stop

KILLS = int(os.environ.get("BATCHIN_TEST_KILLS", "3"))
QUIET = {"BATCHIN_X402": "false"}


class Told:
    """What the server acknowledged: digests of files that are there, ids of those that are not."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.deleting: set[str] = set()
        self.deleted: set[str] = set()


async def come_and_go(
    server: LiveServer, told: Told, chance: random.Random, dying: asyncio.Event
) -> None:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    async with httpx.AsyncClient(base_url=server.url + "/v1", headers=headers, timeout=60) as client:
        while not dying.is_set():
            data = chance.randbytes(chance.choice((10, 70_000, 1_500_000)))
            try:
                made = await client.post(
                    "/files", data={"purpose": "batch"}, files={"file": ("f", data)}
                )
                file_id = made.raise_for_status().json()["id"]
                told.kept[file_id] = hashlib.sha256(data).hexdigest()
                if chance.random() < 0.3:
                    told.deleting.add(file_id)
                    (await client.delete(f"/files/{file_id}")).raise_for_status()
                    told.deleted.add(file_id)
            except httpx.HTTPError:
                return


async def live_and_die(server: LiveServer, told: Told, chance: random.Random) -> None:
    dying = asyncio.Event()
    callers = [asyncio.create_task(come_and_go(server, told, chance, dying)) for _ in range(4)]
    await asyncio.sleep(chance.uniform(0.2, 0.8))
    await asyncio.to_thread(server.kill)
    dying.set()
    await asyncio.gather(*callers)


def rows(data_dir: Path) -> dict[str, str]:
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection:
        return dict(connection.execute("SELECT id, object FROM file"))


def objects(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "objects").rglob("*") if path.is_file()}


@pytest.mark.slow
def test_no_file_is_lost_and_no_bytes_are_left(tmp_path: Path) -> None:
    data_dir, told, chance = tmp_path / "data", Told(), random.Random(20261124)
    for _ in range(KILLS):
        asyncio.run(live_and_die(start(data_dir, "--engine", "none", **QUIET), told, chance))
    server = start(data_dir, "--engine", "none", **QUIET)
    deadline = time.monotonic() + 60
    while objects(data_dir) != set(rows(data_dir).values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert objects(data_dir) == set(rows(data_dir).values())
    headers = {"Authorization": f"Bearer {server.api_key}"}
    with httpx.Client(base_url=server.url + "/v1/files", headers=headers) as client:
        for file_id, digest in told.kept.items():
            content = client.get(f"/{file_id}/content")
            if file_id in told.deleted:
                assert content.status_code == 404
            elif file_id not in told.deleting:
                assert hashlib.sha256(content.content).hexdigest() == digest
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection:
        counted = connection.execute("SELECT sum(files), sum(bytes) FROM file_space").fetchone()
        kept = connection.execute("SELECT count(*), sum(size) FROM file").fetchone()
    assert counted == kept
    print(f"{KILLS} kills: {len(told.kept)} files acknowledged, {len(told.deleted)} of them deleted")
    stop(server)
