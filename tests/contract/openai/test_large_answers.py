"""Answers larger than what is held for a reader reach him, and reach him again when asked again."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from tests.live import LiveServer, start, stop

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "x" * 1_500_000


def chunk(**choice: Any) -> bytes:
    told = {"id": "1", "model": "loud", "choices": [{"index": 0, **choice}]}
    return b"data: " + json.dumps(told).encode() + b"\n\n"


async def chat(request: web.Request) -> web.StreamResponse:
    """A long text in pieces, no faster than it is read."""
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for begin in range(0, len(TEXT), 50_000):
        await answer.write(chunk(delta={"content": TEXT[begin : begin + 50_000]}))
        await asyncio.sleep(0.002)
    await answer.write(chunk(delta={}, finish_reason="stop"))
    usage = {"prompt_tokens": 3, "completion_tokens": 5}
    await answer.write(b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n")
    await answer.write(b"data: [DONE]\n\n")
    return answer


async def models(_: web.Request) -> web.Response:
    return web.json_response({"data": [{"id": "loud", "max_model_len": 4096}]})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveServer]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"openai=http://127.0.0.1:{runner.addresses[0][1]}"
    folder = tmp_path_factory.mktemp("large") / "data"
    running = await asyncio.to_thread(start, folder, "--engine", url, BATCHIN_X402="false")
    try:
        yield running
    finally:
        await asyncio.to_thread(stop, running)
        await runner.cleanup()


async def streamed(server: LiveServer, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of an answer, but the closing mark."""
    headers = {"Authorization": f"Bearer {server.api_key}", "Idempotency-Key": path}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as http,
        http.post(path, json={"model": "loud", "stream": True, **body}) as response,
    ):
        text = await response.text()
    lines = (line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))
    return [json.loads(line) for line in lines if line != "[DONE]"]


async def test_a_streamed_completion_is_shown_again(server: LiveServer) -> None:
    body = {"messages": [{"role": "user", "content": "go on"}], "max_tokens": 64}
    for _ in range(2):
        events = await streamed(server, "/v1/chat/completions", body)
        choices = [choice for event in events for choice in event["choices"]]
        assert "".join(choice["delta"].get("content") or "" for choice in choices) == TEXT


async def test_a_streamed_response_is_shown_again(server: LiveServer) -> None:
    for _ in range(2):
        events = await streamed(server, "/v1/responses", {"input": "go on", "max_output_tokens": 64})
        assert events[-1]["type"] == "response.completed"
        assert events[-1]["response"]["output"][0]["content"][0]["text"] == TEXT
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
