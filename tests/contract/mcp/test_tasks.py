"""Tasks: calls that outlive their request, another process's death, and nobody's patience."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from base.clock import SystemClock
from base.ids import new_run_id
from base.sealing import Sealer
from server.mcp.task_times import TaskTimes
from storage.op import Store
from tests.contract.mcp.conformance.shared_store import SharedStore, shared_store
from tests.contract.mcp.conftest import SECRET, Live, door_of, eventually, served
from tests.contract.mcp.pack import KEY, OTHER_KEY, Stage
from tests.stores import fresh_store
from tools.tasks.book import TaskBook
from tools.tasks.tables import TABLES

META: Mapping[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
}
TIMES = TaskTimes(patience_s=0.05, watch_s=0.02, recover_s=0.05)
HANG = {"words": ["one ", "two"], "hang": True}
ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Tasks:
    """A client that knows tasks."""

    live: Live
    key: str | None = KEY

    async def send(self, method: str, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": META, **params}}
        headers = {"mcp_protocol_version": "2026-07-28", "mcp_method": method, "mcp_name": name}
        if self.key is not None:
            headers["authorization"] = f"Bearer {self.key}"
        answer: dict[str, Any] = (await self.live.post(body, **headers)).json()
        return answer

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        params = {"name": tool, "arguments": arguments}
        result: dict[str, Any] = (await self.send("tools/call", tool, params))["result"]
        return result

    async def start(self) -> str:
        """A call that hangs: its task's id."""
        handle = await self.call("talk", HANG)
        assert handle["resultType"] == "task"
        return str(handle["taskId"])

    async def ask(self, method: str, task_id: str, **params: Any) -> dict[str, Any]:
        return await self.send(method, task_id, {"taskId": task_id, **params})

    async def ended(self, task_id: str) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                task: dict[str, Any] = (await self.ask("tasks/get", task_id))["result"]
                if task["status"] in ENDED:
                    return task
                await asyncio.sleep(0.02)


@asynccontextmanager
async def opened(store: Store, stage: Stage, times: TaskTimes = TIMES) -> AsyncIterator[Tasks]:
    door = door_of(stage, "http://batchin.test", store, times)
    async with door.running(), served(door) as url:
        yield Tasks(Live(url + "/v1/mcp", stage, door))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with fresh_store(tmp_path, TABLES) as opened_store:
        yield opened_store


async def test_a_call_that_takes_long_goes_on_as_a_task_and_is_charged_once(
    store: Store, stage: Stage
) -> None:
    async with opened(store, stage) as tasks:
        handle = await tasks.call("talk", HANG)
        assert handle["status"] == "working"
        assert handle["ttlMs"] == 600_000
        assert handle["pollIntervalMs"] > 0
        assert "result" not in handle
        task_id = handle["taskId"]
        working = (await tasks.ask("tasks/get", task_id))["result"]
        assert working["status"] == "working"
        assert stage.captured == []
        stage.gate.set()
        task = await tasks.ended(task_id)
    assert task["status"] == "completed"
    assert task["result"]["structuredContent"] == {"text": "one two"}
    assert task["result"]["_meta"]["batchin/receipt"]["record_id"] == "vaas_1"
    assert len(stage.captured) == 1


async def test_a_short_call_is_answered_as_ever(store: Store, stage: Stage) -> None:
    async with opened(store, stage, TaskTimes(patience_s=30)) as tasks:
        assert (await tasks.call("talk", {"words": ["a"]}))["structuredContent"] == {"text": "a"}
        wrong = await tasks.call("talk", {"words": []})
        assert wrong["structuredContent"]["error"]["param"] == "words"


async def test_a_client_without_the_extension_waits_for_the_result(store: Store, stage: Stage) -> None:
    async with opened(store, stage) as tasks, tasks.live.client("2026-07-28", KEY) as client:
        call = asyncio.create_task(client.call_tool("talk", HANG))
        await stage.running.wait()
        stage.gate.set()
        assert (await call).structured_content == {"text": "one two"}


async def test_an_unknown_a_foreign_and_an_expired_task_are_the_same_error(tmp_path: Path) -> None:
    stage = Stage()
    async with fresh_store(tmp_path, TABLES) as store, opened(store, stage) as tasks:
        task_id = await tasks.start()
        expired, _ = await TaskBook(store, Sealer(SECRET), SystemClock(), -1).create(
            "talk", "run_1", "acct_1", b"{}", None
        )
        other = Tasks(tasks.live, OTHER_KEY)
        nobody = Tasks(tasks.live, None)
        errors = []
        nothing: Mapping[str, Any] = {}
        methods = {"tasks/get": nothing, "tasks/update": {"inputResponses": {}}, "tasks/cancel": nothing}
        for method, params in methods.items():
            errors += [
                (await tasks.ask(method, "task_unknown", **params))["error"],
                (await tasks.ask(method, expired, **params))["error"],
                (await other.ask(method, task_id, **params))["error"],
                (await nobody.ask(method, task_id, **params))["error"],
            ]
        assert {error["code"] for error in errors} == {-32602}
        assert len({orjson.dumps(error) for error in errors}) == 1
        assert (await tasks.ask("tasks/get", task_id))["result"]["status"] == "working"


async def test_a_cancelled_task_aborts_the_engine_and_costs_nothing(store: Store, stage: Stage) -> None:
    async with opened(store, stage) as tasks:
        task_id = await tasks.start()
        assert (await tasks.ask("tasks/cancel", task_id))["result"]["resultType"] == "complete"
        await eventually(stage.aborted.is_set)
        assert (await tasks.ended(task_id))["status"] == "cancelled"
        again = (await tasks.ask("tasks/cancel", task_id))["result"]
        assert again["resultType"] == "complete"
    assert stage.captured == []
    assert stage.released == 1


async def test_a_caller_that_leaves_before_the_handle_cancels_its_call(
    store: Store, stage: Stage
) -> None:
    async with opened(store, stage, TaskTimes(patience_s=30)) as tasks:
        call = asyncio.create_task(tasks.call("talk", HANG))
        await stage.running.wait()
        call.cancel()
        await eventually(stage.aborted.is_set)
        await eventually(lambda: stage.released == 1)


async def test_an_engine_fault_is_the_result_of_a_completed_task(store: Store, stage: Stage) -> None:
    async with opened(store, stage, TaskTimes(patience_s=0)) as tasks:
        handle = await tasks.call("talk", {"words": ["a", "b"], "fail": True})
        task = handle if "content" in handle else (await tasks.ended(handle["taskId"]))["result"]
    assert task["isError"] is True
    assert task["structuredContent"]["error"]["code"] == "engine_error"
    assert stage.released == 1


async def test_a_task_names_itself_in_the_header_and_needs_the_extension(
    store: Store, stage: Stage
) -> None:
    async with opened(store, stage) as tasks:
        task_id = await tasks.start()
        wrong = await tasks.send("tasks/get", "task_other", {"taskId": task_id})
        assert wrong["error"]["code"] == -32020
        bare = {key: value for key, value in META.items() if not key.endswith("Capabilities")}
        meta = {**bare, "io.modelcontextprotocol/clientCapabilities": {}}
        refused = await tasks.send("tasks/get", task_id, {"taskId": task_id, "_meta": meta})
        assert refused["error"]["code"] == -32021


async def test_a_restart_takes_the_task_up_again_under_the_same_run(tmp_path: Path) -> None:
    before, after = Stage(), Stage()
    async with fresh_store(tmp_path, TABLES) as store, opened(store, before) as tasks:
        task_id = await tasks.start()
    assert before.captured == []
    assert before.released == 1
    after.gate.set()
    async with fresh_store(tmp_path, TABLES) as store, opened(store, after) as tasks:
        task = await tasks.ended(task_id)
    assert task["result"]["structuredContent"] == {"text": "one two"}
    assert [outcome.run_id for outcome in after.captured] == [before.orders[0].run_id]
    assert after.orders[0].caller == before.orders[0].caller


async def test_a_result_survives_a_restart(tmp_path: Path) -> None:
    stage = Stage()
    async with fresh_store(tmp_path, TABLES) as store, opened(store, stage) as tasks:
        task_id = await tasks.start()
        stage.gate.set()
        before = await tasks.ended(task_id)
    async with fresh_store(tmp_path, TABLES) as store, opened(store, stage) as tasks:
        assert (await tasks.ask("tasks/get", task_id))["result"]["result"] == before["result"]
    assert len(stage.captured) == 1


async def test_a_run_that_was_charged_before_the_crash_is_not_run_again(
    tmp_path: Path, stage: Stage
) -> None:
    call = {
        "run_id": new_run_id(),
        "request_id": "req_1",
        "caller": {"kind": "account", "account_id": "acct_1", "key_id": "key_1", "scopes": []},
        "trace": {"trace_id": "1" * 32, "span_id": "2" * 16, "parent_id": None},
        "resource": {"url": "mcp://tool/talk", "description": "Talk"},
        "payment": None,
        "prompt_version": "default",
        "arguments": HANG,
    }
    async with fresh_store(tmp_path, TABLES) as store:
        book = TaskBook(store, Sealer(SECRET), SystemClock(), 600)
        task_id, _ = await book.create(
            "talk", "vaas_1", "acct_1", orjson.dumps(call), b'{"text": "one two"}'
        )
    async with fresh_store(tmp_path, TABLES) as store, opened(store, stage) as tasks:
        task = await tasks.ended(task_id)
    assert task["result"]["structuredContent"] == {"text": "one two"}
    assert task["result"]["_meta"]["batchin/receipt"] == {"record_id": "vaas_1"}
    assert stage.orders == []


async def test_what_a_task_holds_is_sealed_at_rest(tmp_path: Path, stage: Stage) -> None:
    async with fresh_store(tmp_path, TABLES) as store, opened(store, stage) as tasks:
        secret = {"words": ["first secret", "second secret"], "hang": True}
        task_id = (await tasks.call("talk", secret))["taskId"]
        stage.gate.set()
        await tasks.ended(task_id)
    files = _bytes_of(tmp_path)
    assert b"secret" not in files
    assert task_id.encode() not in files


async def test_an_expired_task_is_deleted(tmp_path: Path, stage: Stage) -> None:
    async with fresh_store(tmp_path, TABLES) as store, opened(store, stage) as tasks:
        task_id = await tasks.start()
        await tasks.ask("tasks/cancel", task_id)
        await tasks.ended(task_id)
        book = TaskBook(store, Sealer(SECRET), _Late(), 600)
        assert await book.sweep() == 1
        assert "error" in await tasks.ask("tasks/get", task_id)


def _bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("batchin.db*"))


class _Late(SystemClock):
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + 3_600_000


@asynccontextmanager
async def two_workers(folder: Path) -> AsyncIterator[tuple[SharedStore, Tasks, Tasks]]:
    async with AsyncExitStack() as stack:
        stores = [
            await stack.enter_async_context(shared_store(folder / "shared.db", TABLES)) for _ in "ab"
        ]
        first, second = [await stack.enter_async_context(opened(one, Stage())) for one in stores]
        yield stores[0], first, second


async def test_any_worker_tells_and_cancels_the_task_of_another(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as (_, first, second):
        task_id = await first.start()
        assert (await second.ask("tasks/get", task_id))["result"]["status"] == "working"
        await second.ask("tasks/cancel", task_id)
        await eventually(first.live.stage.aborted.is_set)
        assert (await second.ended(task_id))["status"] == "cancelled"


async def test_a_worker_takes_up_the_task_of_one_that_died(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as (dying, first, second):
        task_id = await first.start()
        second.live.stage.gate.set()
        dying.die()
        task = await second.ended(task_id)
        assert task["result"]["structuredContent"] == {"text": "one two"}
        assert len(second.live.stage.captured) == 1
        first.live.stage.gate.set()  # it was only slow: what it did is worth nothing now
        await eventually(lambda: first.live.stage.released == 1)
        assert first.live.stage.captured == []


async def test_a_gone_client_leaves_its_task_running(store: Store, stage: Stage) -> None:
    async with opened(store, stage) as tasks:
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"_meta": META, "name": "talk", "arguments": HANG},
        }
        headers = {
            "accept": "application/json, text/event-stream",
            "authorization": f"Bearer {KEY}",
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": "talk",
        }
        async with httpx2.AsyncClient(headers=headers) as http:
            handle = (await http.post(tasks.live.url, json=body)).json()["result"]
        stage.gate.set()
        assert (await tasks.ended(handle["taskId"]))["status"] == "completed"
