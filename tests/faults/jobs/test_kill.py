"""kill -9 in the midst of a batch, again and again: no task is lost, none is charged twice."""

import asyncio
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from base.money import usd_to_nano
from server.tables import DATABASE, TABLES
from settlement.ledger.books import Audit, audit
from storage.sqlite import open_store
from tests.live import LiveServer, free_port, start, stop

KILLS = int(os.environ.get("BATCHIN_TEST_KILLS", "3"))
TASKS = int(os.environ.get("BATCHIN_TEST_TASKS", "900"))
PATIENCE_S = 60 + TASKS / 50


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    """An engine that answers at once; it lives on while servers die."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.instant_engine", str(port), "3"]
    with subprocess.Popen(command) as process:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
        process.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def serve(data_dir: Path, engine: str) -> LiveServer:
    env = {
        "BATCHIN_X402": "false",
        "BATCHIN_MAX_RUNNING": "32",
        "BATCHIN_BATCH_RUNNING": "32",
        "BATCHIN_DEMO_BALANCE_USD": "1000",
        "BATCHIN_LOG_LEVEL": "warning",
    }
    models = '[{"id": "instant", "modality": "chat", "input_usd_per_mtok": "1"}]'
    return start(data_dir, "--engine", f"openai={engine}", **env, BATCHIN_MODELS=models)


def rows(data_dir: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection:
        return list(connection.execute(query))


def ended_tasks(data_dir: Path) -> int:
    return int(rows(data_dir, "SELECT count(*) FROM batch_task")[0][0])


def line(number: int) -> bytes:
    body = {"model": "instant", "messages": [{"role": "user", "content": f"{number}"}], "max_tokens": 8}
    task = {"custom_id": f"c{number}", "url": "/v1/chat/completions", "body": body}
    return json.dumps(task).encode() + b"\n"


def submit(server: LiveServer) -> str:
    with OpenAI(base_url=server.url + "/v1", api_key=server.api_key) as client:
        data = b"".join(line(number) for number in range(TASKS))
        file = client.files.create(file=("in", data), purpose="batch")
        return client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        ).id


def kill_at(server: LiveServer, tasks: int) -> None:
    """Die as soon as so many tasks have ended, wherever the others are."""
    deadline = time.monotonic() + PATIENCE_S
    while ended_tasks(server.data_dir) < tasks:
        assert time.monotonic() < deadline, f"{ended_tasks(server.data_dir)} of {tasks} tasks"
        time.sleep(0.005)
    server.kill()


async def audited(data_dir: Path) -> Audit:
    store = await open_store(data_dir / DATABASE, TABLES)
    try:
        return await audit(store)
    finally:
        await store.close()


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_task_runs_to_one_charge(tmp_path: Path, engine: str) -> None:
    data_dir, chance = tmp_path / "data", random.Random(20261124)
    server = serve(data_dir, engine)
    batch_id = submit(server)
    for at in sorted(chance.randrange(TASKS) for _ in range(KILLS)):
        kill_at(server, at)
        server = serve(data_dir, engine)
    with OpenAI(base_url=server.url + "/v1", api_key=server.api_key) as client:
        deadline = time.monotonic() + PATIENCE_S
        while (batch := client.batches.retrieve(batch_id)).status != "completed":
            assert time.monotonic() < deadline, batch
            time.sleep(0.1)
        output = client.files.content(batch.output_file_id or "").text.splitlines()
    assert [json.loads(each)["custom_id"] for each in output] == [f"c{n}" for n in range(TASKS)]
    extra: Any = batch.model_extra
    cost = usd_to_nano(extra["cost_usd"])
    assert extra["records"]["count"] == TASKS
    assert batch.error_file_id is None
    assert stop(server) == 0
    parts = f"FROM transfer WHERE id LIKE 'capture:{batch_id}:%'"
    assert rows(data_dir, f"SELECT count(*), count(DISTINCT id), sum(amount) {parts}") == [
        (TASKS, TASKS, cost)
    ]
    assert rows(data_dir, "SELECT count(*), sum(charged_nano_usd) FROM usage") == [(TASKS, cost)]
    assert rows(data_dir, "SELECT count(*) FROM evidence") == [(TASKS,)]
    assert rows(data_dir, "SELECT count(*) FROM hold") == [(0,)]
    assert rows(data_dir, "SELECT posted, held FROM account") == [(1000 * 10**9 - cost, 0)]
    assert rows(data_dir, "SELECT sum(pins) FROM file") == [(0,)]
    books = asyncio.run(audited(data_dir))
    assert books.faults == ()
    assert books.total_nano_usd == books.held_nano_usd == 0
    print(f"{KILLS} kills, {TASKS} tasks: 0 lost, 0 charged twice")
