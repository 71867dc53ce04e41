"""Batches over MCP: handed in, looked at and stopped; each caller sees its own."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents

from tests.contract.mcp.test_account_tools import connected, key_of, told
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
