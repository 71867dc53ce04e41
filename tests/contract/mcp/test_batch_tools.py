"""Batches over MCP: handed in, looked at and stopped; each caller sees its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents

from tests.contract.mcp.test_account_tools import connected, key_of, told
from tests.contract.mcp.test_tasks import META
from tests.live import LiveServer
from tests.operator import new_key

TASKS: list[dict[str, Any]] = [
    {"custom_id": "a", "model": "bge-m3", "request_body": {"input": "one"}},
    {"custom_id": "b", "model": "no-such-model", "request_body": {"input": "two"}},
]


async def ended(client: Client, batch_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            batch = await told(client, "batch_get", id=batch_id)
            if batch["status"] in ("completed", "failed", "expired", "cancelled"):
                return batch
            await asyncio.sleep(0.05)


async def test_a_batch_is_handed_in_and_its_results_fetched(live_server: LiveServer) -> None:
    async with connected(live_server, await key_of(live_server, "batcher")) as client:
        await client.list_tools()  # from here on the client checks results against the output schema
        made = await told(client, "batch_submit", tasks=TASKS, priority="high")
        assert (made["status"], made["total_tasks"]) == ("pending", 2)
        batch = await ended(client, made["id"])
        assert (batch["status"], batch["completed_tasks"], batch["failed_tasks"]) == ("completed", 1, 1)
        assert batch["tasks"][0]["result"]["object"] == "list"
        assert batch["tasks"][1]["error"]["code"] == "model_not_found"
        late = await client.call_tool("batch_cancel", {"id": made["id"]})
        assert late.is_error


async def test_a_batch_is_its_owners(live_server: LiveServer) -> None:
    async with connected(live_server, await key_of(live_server, "owner of a batch")) as client:
        made = await told(client, "batch", tasks=TASKS[:1])
        await ended(client, made["id"])
    for key in (await key_of(live_server, "not the owner"), None):
        async with connected(live_server, key) as client:
            for tool in ("batch_get", "batch_cancel"):
                assert (await client.call_tool(tool, {"id": made["id"]})).is_error


async def test_what_a_batch_put_out_is_a_resource_of_its_owner(live_server: LiveServer) -> None:
    key = await asyncio.to_thread(new_key, live_server.data_dir)
    headers = {"Authorization": f"Bearer {key}"}
    line = {"custom_id": "a", "model": "bge-m3", "request_body": {"input": "one"}}
    async with httpx.AsyncClient(base_url=live_server.url + "/v1", headers=headers) as http:
        form: dict[str, Any] = {
            "files": {"file": ("in.jsonl", json.dumps(line))},
            "data": {"purpose": "batch"},
        }
        file_id = (await http.post("/files", **form)).json()["id"]
        made = (await http.post("/batches", json={"input_file_id": file_id, "priority": "high"})).json()
    async with connected(live_server, key) as client:
        batch = await ended(client, made["id"])
        assert batch["status"] == "completed", batch["errors"]
        told_batch = await text_of(client, f"batchin://batches/{made['id']}")
        output = await text_of(client, f"batchin://files/{batch['output_file_id']}")
        sent = await text_of(client, f"batchin://files/{file_id}")
    assert json.loads(told_batch)["output_file_id"] == batch["output_file_id"]
    assert json.loads(output)["custom_id"] == "a"
    assert json.loads(sent) == line
    uris = (f"batchin://batches/{made['id']}", f"batchin://files/{batch['output_file_id']}")
    for other in (await key_of(live_server, "not the reader"), None):
        async with connected(live_server, other) as client:
            for uri in uris:
                with pytest.raises(MCPError) as caught:
                    await client.read_resource(uri)
                assert caught.value.error.code == -32602


async def as_task(http: httpx.AsyncClient, method: str, named: str, **params: Any) -> dict[str, Any]:
    """What a client that knows tasks is answered."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": META, **params}}
    headers = {
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        "mcp-name": named,
        "accept": "application/json, text/event-stream",
    }
    result: dict[str, Any] = (await http.post("/v1/mcp", json=body, headers=headers)).json()["result"]
    return result


async def end_of(http: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            task = await as_task(http, "tasks/get", task_id, taskId=task_id)
            if task["status"] != "working":
                return task
            await asyncio.sleep(0.05)


@pytest.fixture
async def owner(live_server: LiveServer) -> AsyncIterator[httpx.AsyncClient]:
    key = await asyncio.to_thread(new_key, live_server.data_dir)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=live_server.url, headers=headers, timeout=60) as http:
        yield http


async def test_a_task_follows_its_batch_to_the_results(owner: httpx.AsyncClient) -> None:
    arguments = {"tasks": TASKS, "priority": "high"}
    made = await as_task(owner, "tools/call", "batch", name="batch", arguments=arguments)
    assert (made["resultType"], made["status"]) == ("task", "working")
    task = await end_of(owner, made["taskId"])
    batch = task["result"]["structuredContent"]
    assert (task["status"], batch["status"]) == ("completed", "completed")
    assert [each["status"] for each in batch["tasks"]] == ["completed", "failed"]


@pytest.mark.timeout(240)
async def test_a_task_that_is_cancelled_cancels_its_batch(owner: httpx.AsyncClient) -> None:
    told = {"messages": [{"role": "user", "content": "Tell a long story."}], "max_tokens": 200}
    tasks = [
        {"custom_id": f"t{n}", "model": "qwen3-32b", "request_body": told | {"seed": n}}
        for n in range(20)
    ]
    arguments = {"tasks": tasks, "priority": "high"}
    made = await as_task(owner, "tools/call", "batch", name="batch", arguments=arguments)
    await as_task(owner, "tasks/cancel", made["taskId"], taskId=made["taskId"])
    assert (await end_of(owner, made["taskId"]))["status"] == "cancelled"
    async with asyncio.timeout(100):
        while True:
            [batch] = (await owner.get("/v1/batches")).json()
            if batch["status"] == "cancelled":
                return
            await asyncio.sleep(0.05)


async def text_of(client: Client, uri: str) -> str:
    [content] = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def test_without_key_and_payment_a_batch_asks_for_its_whole_price(live_server: LiveServer) -> None:
    async with connected(live_server, None) as client:
        challenge = await client.call_tool("batch", {"tasks": TASKS[:1]})
    assert challenge.is_error
    asked = challenge.structured_content
    assert isinstance(asked, dict)
    assert int(asked["accepts"][0]["amount"]) > 0
