"""kill -9 while a task works: the next server takes it up, and it is charged once."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.tables import DATABASE
from tests.children import CHAT_ENGINE, child_of, frozen
from tests.live import LiveServer, running, start

TASKS = "io.modelcontextprotocol/tasks"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {TASKS: {}}},
}
STORY: dict[str, Any] = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "Tell me a story about the sea."}],
    "max_tokens": 24,
    "temperature": 0,
}
SOON = {"BATCHIN_TASK_AFTER_S": "0.05"}


def ask(server: LiveServer, method: str, name: str, params: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {server.api_key}",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        "mcp-name": name,
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": META, **params}}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
        answer: dict[str, Any] = client.post("/v1/mcp", json=body).json()["result"]
        return answer


def ended(server: LiveServer, task_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        task = ask(server, "tasks/get", task_id, {"taskId": task_id})
        if task["status"] != "working":
            return task
        time.sleep(0.1)
    raise AssertionError("the task did not end")


def count(data_dir: Path, query: str) -> Any:
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection:
        return connection.execute(query).fetchone()[0]


@pytest.mark.slow
def test_a_task_outlives_its_server_and_is_charged_once(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    server = start(data_dir, **SOON)
    with frozen(child_of(server, CHAT_ENGINE)):  # it can't be over before the server dies
        handle = ask(server, "tools/call", "chat", {"name": "chat", "arguments": STORY})
        server.kill()
    assert handle["resultType"] == "task", handle
    assert count(data_dir, "SELECT count(*) FROM usage") == 0
    with running(data_dir, **SOON) as server:
        task = ended(server, handle["taskId"])
        assert task["status"] == "completed", task
        result = task["result"]
        assert result["isError"] is False, result
        assert result["structuredContent"]["choices"][0]["message"]["content"]
        run_id = result["_meta"]["batchin/run_id"]
        with httpx.Client(base_url=server.url) as client:
            assert client.get(f"/v1/vaas/{run_id}/verify").json()["valid"] is True
    assert count(data_dir, f"SELECT count(*) FROM usage WHERE run_id = '{run_id}'") == 1
    assert count(data_dir, "SELECT count(*) FROM usage") == 1
    assert count(data_dir, "SELECT count(*) FROM hold") == 0
