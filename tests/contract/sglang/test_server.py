"""A server of ours in front of SGLang, as its callers see it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.sglang.peers import CONTEXT, MODEL, QUEUE_MAX, RUNNING_MAX, Peer, Peers
from tests.contract.sglang.test_chat import occupied
from tests.live import LiveServer, start, stop

pytestmark = pytest.mark.asyncio(loop_scope="package")

HELLO = [{"role": "user", "content": "hello"}]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def server(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveServer]:
    """It may send more than SGLang takes: then SGLang's own queue is seen full."""
    models = [{"id": MODEL, "modality": "chat", "context_length": CONTEXT}]
    running = await asyncio.to_thread(
        start,
        tmp_path_factory.mktemp("sglang") / "data",
        BATCHIN_ENGINE=f"sglang={peers.chat.url}",
        BATCHIN_ENGINE_API_KEY=peers.chat.key,
        BATCHIN_ENGINE_ADMIN_KEY=peers.chat.admin_key,
        BATCHIN_MODELS=json.dumps(models),
        BATCHIN_MAX_RUNNING=str(4 * (RUNNING_MAX + QUEUE_MAX)),
        BATCHIN_X402="false",
        BATCHIN_LOG_FORMAT="json",
    )
    try:
        yield running
    finally:
        await asyncio.to_thread(stop, running)


def asking(server: LiveServer) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {server.api_key}"})


def chat_body(**fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": HELLO, "max_tokens": 8, "temperature": 0, **fields}


def lines_of(server: LiveServer, run_id: str) -> list[dict[str, Any]]:
    """What the log says of a call."""
    log = server.data_dir.parent / f"{server.data_dir.name}.log"
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("run_id") == run_id]


async def logged(server: LiveServer, run_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while not (lines := await asyncio.to_thread(lines_of, server, run_id)):
        assert time.monotonic() < deadline, run_id
        await asyncio.sleep(0.02)
    return lines[0]


async def test_an_answer_with_its_usage(server: LiveServer) -> None:
    async with asking(server) as http, http.post("/v1/chat/completions", json=chat_body()) as response:
        told = await response.json()
    assert response.status == 200, told
    assert told["usage"]["completion_tokens"] <= 8
    assert set(told["usage"]["prompt_tokens_details"]) == {"cached_tokens"}
    assert response.headers["X-BatchIn-Served-Model"] == MODEL


async def test_a_caller_who_leaves_pays_for_what_was_generated(server: LiveServer, chat: Peer) -> None:
    body = chat_body(max_tokens=1500, stream=True)
    async with asking(server) as http:
        response = await http.post("/v1/chat/completions", json=body)
        run_id = response.headers["X-BatchIn-Run-Id"]
        for _ in range(10):
            await response.content.readline()
        response.close()
    line = await logged(server, run_id)
    assert line["outcome"] == "cancelled"
    assert 1 <= line["output_tokens"] < 1500
    assert line["cost_usd"] != "0"
    await chat.idle()
    if chat.fake is not None:
        assert chat.fake.generated[f"{run_id}."] == line["output_tokens"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_full_queue_is_told_before_the_first_byte(
    server: LiveServer, chat: Peer, stream: bool
) -> None:
    body = chat_body(stream=stream)
    async with (
        occupied(chat, QUEUE_MAX),
        asking(server) as http,
        http.post("/v1/chat/completions", json=body) as response,
    ):
        told = await response.json()
    assert (response.status, told["error"]["code"]) == (503, "engine_overloaded")
    assert int(response.headers["Retry-After"]) >= 1
    await chat.idle()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"max_tokens": CONTEXT}, "context_length_exceeded"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {"type": "nope"}},
                }
            },
            "invalid_request",
        ),
    ],
)
async def test_what_it_refuses_is_the_callers_error(
    server: LiveServer, fields: dict[str, Any], code: str, stream: bool
) -> None:
    body = chat_body(stream=stream, **fields)
    async with asking(server) as http, http.post("/v1/chat/completions", json=body) as response:
        told = await response.text()
    assert (response.status, json.loads(told)["error"]["code"]) == (400, code)
    assert "/" not in json.loads(told)["error"]["message"], "no path of the server leaks"
