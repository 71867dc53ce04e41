"""The account tools on the real server: what a caller used, which runs, and what to call instead."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from server.admin import AdminClient
from tests.live import LiveServer

TRACE = secrets.token_hex(16)
CHAT: dict[str, Any] = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 4,
}


async def key_of(server: LiveServer, name: str) -> str:
    """The key of a new account with a dollar."""
    office = AdminClient(server.data_dir)
    account = (await office.call("accounts.create", name=name))["id"]
    await office.call("accounts.credit", account=account, amount_nano_usd=10**9, reference=name)
    made = await office.call("keys.create", account=account)
    return str(made["key"])


@asynccontextmanager
async def connected(server: LiveServer, key: str | None) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        transport = streamable_http_client(server.url + "/v1/mcp", http_client=http)
        async with Client(transport) as client:
            yield client


async def told(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def test_a_caller_sees_what_it_used_and_nobody_else_does(live_server: LiveServer) -> None:
    mine, other = await key_of(live_server, "reader"), await key_of(live_server, "neighbour")
    async with connected(live_server, mine) as client:
        assert (await told(client, "usage"))["total"]["total_requests"] == 0
        assert (await told(client, "usage", view="logs"))["items"] == []
        traced = {"traceparent": f"00-{TRACE}-{'1' * 16}-01"}
        first = await client.call_tool("chat_completion", CHAT, meta=traced)  # type: ignore[arg-type]
        second = await client.call_tool("chat", CHAT)
        run_ids = [(result.meta or {})["batchin/run_id"] for result in (first, second)]

        used = (await told(client, "usage"))["total"]
        assert used["total_requests"] == 2
        newest_run = (await told(client, "usage", view="logs", limit=1))["items"]
        assert [entry["run_id"] for entry in newest_run] == [run_ids[1]]
        by_model = (await told(client, "usage", view="by-model"))["items"]
        assert [entry["model"] for entry in by_model] == ["qwen3-32b"]
        charged = sum((r.meta or {})["batchin/charge"]["charged_nano_usd"] for r in (first, second))
        assert used["total_cost_usd"] == f"{charged / 1e9:.9f}".rstrip("0")
        left = await told(client, "account")
        assert left["credit_balance_usd"] == f"{1 - charged / 1e9:.9f}".rstrip("0")
        older = await told(client, "usage_query", view="logs", limit=1, offset=1)
        assert [entry["run_id"] for entry in older["items"]] == [run_ids[0]]

        (traced_item,) = (await told(client, "trace", trace_id=TRACE))["items"]
        (by_record,) = (await told(client, "trace", run_id=traced_item["record_id"]))["items"]
        newest = (await told(client, "batchin_agent_trace_run"))["items"]
        assert traced_item == by_record
        assert [item["run_id"] for item in newest] == list(reversed(run_ids))
        assert traced_item["served_model"] == (first.meta or {})["batchin/served_model"]
        assert (traced_item["status"], traced_item["customer_trace_id"]) == ("completed", TRACE)

    async with connected(live_server, other) as client:
        assert (await told(client, "usage"))["total"]["total_requests"] == 0
        for asked in ({"run_id": run_ids[0]}, {"trace_id": TRACE}):
            assert (await told(client, "trace", **asked))["error"]["code"] == "not_found"


@pytest.mark.parametrize("tool", ["usage", "trace"])
async def test_who_has_no_account_has_no_usage(live_server: LiveServer, tool: str) -> None:
    async with connected(live_server, None) as client:
        assert (await told(client, tool))["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    "arguments", [{"trace_id": "xyz"}, {"run_id": "run_1", "trace_id": "a" * 32}, {"limit": 101}]
)
async def test_what_names_no_trace_is_refused(
    live_server: LiveServer, arguments: dict[str, Any]
) -> None:
    async with connected(live_server, live_server.api_key) as client:
        assert (await told(client, "trace", **arguments))["error"]["code"] == "invalid_request"


async def test_a_fallback_is_the_model_itself_while_it_answers(live_server: LiveServer) -> None:
    async with connected(live_server, None) as client:
        chat = await told(client, "batchin_model_fallback", model="qwen3-32b")
        unknown = await told(client, "fallback", model="nobody")
    assert (chat["available"], chat["use"], chat["candidates"]) == (True, "qwen3-32b", [])
    assert unknown["error"]["code"] == "model_not_found"
