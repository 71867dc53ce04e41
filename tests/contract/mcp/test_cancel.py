"""A caller that leaves: the engine is aborted within a second."""

import asyncio
from typing import Any

import anyio
import httpx2

from tests.contract.mcp.conftest import Live, eventually
from tests.contract.mcp.pack import KEY

HANG: dict[str, Any] = {"words": ["one ", "two "], "hang": True}


async def test_a_cancelled_call_aborts_the_engine(live: Live, mode: str) -> None:
    async with live.client(mode, KEY) as client:
        with anyio.move_on_after(60):
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
    async with httpx2.AsyncClient(timeout=60) as http:
        call = asyncio.create_task(http.post(live.url, json=body, headers=headers))
        await live.stage.running.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
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
            answer = await live.post(_notice(request_id), mcp_session_id="somebody-elses")
            assert answer.status_code == 202
        assert not live.stage.aborted.is_set()
        live.stage.gate.set()
        assert (await call).structured_content == {"text": "one two "}


async def test_a_notice_cancels_the_call_of_its_id_alone(live: Live) -> None:
    """An id that is a text is another id than the number that looks like it (JSON-RPC 2.0, 4)."""
    called: dict[str, Any] = {"jsonrpc": "2.0", "id": "5", "method": "tools/call"}
    called["params"] = {"name": "talk", "arguments": HANG}
    mine = {"mcp_session_id": "mine", "mcp_protocol_version": "2025-11-25"}
    call = asyncio.create_task(live.post(called, authorization=f"Bearer {KEY}", **mine))
    await live.stage.running.wait()
    for unknown in (5, True, 5.0, None, ["5"]):
        assert (await live.post(_notice(unknown), **mine)).status_code == 202
    assert not live.stage.aborted.is_set()
    assert (await live.post(_notice("5"), **mine)).status_code == 202
    await eventually(live.stage.aborted.is_set)
    await call


def _notice(request_id: object) -> dict[str, Any]:
    params = {"requestId": request_id}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
