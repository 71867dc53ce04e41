"""A caller that leaves: the engine is aborted within a second."""

import asyncio
from typing import Any

import anyio
import httpx2
import pytest

from tests.contract.mcp.conftest import Live, eventually
from tests.contract.mcp.pack import KEY

HANG: dict[str, Any] = {"words": ["one ", "two "], "hang": True}


async def test_a_cancelled_call_aborts_the_engine(live: Live, mode: str) -> None:
    async with live.client(mode, KEY) as client:
        with anyio.move_on_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "talk", HANG)
                await live.stage.running.wait()
                group.cancel_scope.cancel()
        await eventually(live.stage.aborted.is_set)
        # the connection is as good as before
        assert (await client.call_tool("echo", {"text": "hi"})).is_error is False
    await eventually(lambda: live.stage.released == 1)


async def test_a_lost_connection_aborts_the_engine(live: Live) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    body["params"] = {"name": "talk", "arguments": HANG}
    headers = {
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {KEY}",
        "mcp-protocol-version": "2025-11-25",
    }
    with pytest.raises(httpx2.ReadTimeout):
        async with httpx2.AsyncClient(timeout=0.2) as http:
            await http.post(live.url, json=body, headers=headers)
    await eventually(live.stage.aborted.is_set)


async def test_a_stream_that_was_cut_is_charged_for_what_was_shown(live: Live, mode: str) -> None:
    heard = asyncio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.set()

    async with live.client(mode, KEY) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: client.call_tool("talk", HANG, progress_callback=hear))
            await heard.wait()
            group.cancel_scope.cancel()
        await eventually(lambda: len(live.stage.captured) == 1)
    assert live.stage.captured[0].status == "partial"


async def test_one_client_cannot_cancel_the_call_of_another(live: Live) -> None:
    async with live.client("legacy", KEY) as client:
        call = asyncio.create_task(client.call_tool("talk", HANG))
        await live.stage.running.wait()
        for request_id in range(8):
            notice = {
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": request_id},
            }
            answer = await live.post(notice, mcp_session_id="somebody-elses")
            assert answer.status_code == 202
        assert not live.stage.aborted.is_set()
        live.stage.gate.set()
        assert (await call).structured_content == {"text": "one two "}
