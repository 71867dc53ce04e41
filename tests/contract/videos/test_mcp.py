"""Videos over MCP: as tasks with progress and cancel, and as jobs for clients without tasks."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.contract.mcp.test_tasks import META
from tests.contract.videos.conftest import ASKED, SECOND_NANO_USD, Studio, until
from tests.fake_sglang.kind import Faults

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLAIN: Mapping[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def send(
    client: httpx.AsyncClient, method: str, named: str, meta: Mapping[str, Any], **params: Any
) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta, **params}}
    headers = {
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        "mcp-name": named,
        "accept": "application/json, text/event-stream",
    }
    answer = await client.post("/v1/mcp", json=body, headers=headers)
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        text = [line for line in text.splitlines() if line.startswith("data: ")][-1][6:]
    told: dict[str, Any] = json.loads(text)
    return told


async def called(
    client: httpx.AsyncClient, tool: str, meta: Mapping[str, Any] = PLAIN, **arguments: Any
) -> dict[str, Any]:
    answer = await send(client, "tools/call", tool, meta, name=tool, arguments=arguments)
    result: dict[str, Any] = answer["result"]
    return result


async def begun(client: httpx.AsyncClient) -> str:
    handle = await called(client, "video", META, **ASKED)
    assert (handle["resultType"], handle["status"]) == ("task", "working")
    return str(handle["taskId"])


async def task(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await send(client, "tasks/get", task_id, META, taskId=task_id))["result"]
    return found


async def over(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found = await task(client, task_id)
            if found["status"] != "working":
                return found
            await asyncio.sleep(0.05)


async def test_a_client_without_tasks_polls_its_job(studio: Studio, http: httpx.AsyncClient) -> None:
    made = await called(http, "video", **ASKED)
    assert not made["isError"]
    video = made["structuredContent"]
    assert video["status"] == "queued"
    async with asyncio.timeout(60):
        while True:
            looked = await called(http, "video_get", id=video["id"])
            if looked["structuredContent"]["status"] == "completed":
                break
            await asyncio.sleep(0.05)
    link = looked["content"][0]
    assert (link["type"], link["mimeType"]) == ("resource_link", "video/mp4")
    assert (await http.get(link["uri"])).content[4:8] == b"ftyp"


async def test_a_task_tells_progress_and_ends_with_the_file(
    studio: Studio, http: httpx.AsyncClient
) -> None:
    studio.fake.faults = Faults(video_fault="stuck")
    task_id = await begun(http)
    async with asyncio.timeout(60):
        while True:
            if (await task(http, task_id)).get("statusMessage") == "in_progress, 40 %":
                break
            await asyncio.sleep(0.05)
    studio.fake.faults = Faults()
    ended = await over(http, task_id)
    assert ended["status"] == "completed"
    result = ended["result"]
    video = result["structuredContent"]
    assert (result["isError"], video["status"], video["progress"]) == (False, "completed", 100)
    assert result["content"][0]["uri"] == video["output_url"]
    assert "batchin/evidence" in result["_meta"]


async def test_a_task_that_is_cancelled_stops_its_video(studio: Studio, http: httpx.AsyncClient) -> None:
    before = studio.watched.money()
    studio.fake.faults = Faults(video_fault="stuck")
    task_id = await begun(http)
    await until(lambda: bool(studio.fake.videos))
    await send(http, "tasks/cancel", task_id, META, taskId=task_id)
    assert (await over(http, task_id))["status"] == "cancelled"
    await until(lambda: not studio.fake.videos)
    await until(lambda: studio.watched.money() == before)


async def test_a_video_that_fails_is_an_error_that_costs_nothing(
    studio: Studio, http: httpx.AsyncClient
) -> None:
    before = studio.watched.money()
    studio.fake.faults = Faults(video_fault="fail")
    ended = await over(http, await begun(http))
    assert (ended["status"], ended["result"]["isError"]) == ("completed", True)
    assert ended["result"]["structuredContent"]["error"]["code"] == "engine_error"
    await until(lambda: studio.watched.money() == before)


async def test_video_cancel_and_foreign_ids(
    studio: Studio, http: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    studio.fake.faults = Faults(video_fault="stuck")
    video = (await called(http, "video", **ASKED))["structuredContent"]
    for tool in ("video_get", "video_cancel"):
        refused = await called(stranger, tool, id=video["id"])
        assert (refused["isError"], refused["structuredContent"]["error"]["code"]) == (True, "not_found")
    stopped = await called(http, "video_cancel", id=video["id"])
    assert not stopped["isError"]
    async with asyncio.timeout(60):
        while True:
            now = (await called(http, "video_get", id=video["id"]))["structuredContent"]
            if now["status"] == "failed":
                break
            await asyncio.sleep(0.05)
    assert (now["error"]["code"], now["cost_usd"]) == ("cancelled", "0.00")


async def test_what_is_wrong_is_told_with_the_field(studio: Studio, http: httpx.AsyncClient) -> None:
    refused = await called(http, "video", **ASKED | {"size": "1x1"})
    error = refused["structuredContent"]["error"]
    assert (refused["isError"], error["code"], error["param"]) == (True, "invalid_request", "size")


async def test_without_key_and_payment_it_asks_for_its_price(studio: Studio) -> None:
    async with studio.client() as nobody:
        challenge = await called(nobody, "video", META, **ASKED)
    assert challenge["isError"]
    assert int(challenge["structuredContent"]["accepts"][0]["amount"]) * 1000 == 2 * SECOND_NANO_USD
