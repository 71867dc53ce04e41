"""POST /v1/classify of a server of ours in front of SGLang: classes, charge, evidence, refusals."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from settlement.evidence.bodies import response_hash
from tests.contract.sglang.peers import CONTEXT, DIMENSIONS, MODEL, Peers
from tests.live import LiveServer, start, stop
from tests.watched import Watched

pytestmark = pytest.mark.asyncio(loop_scope="package")

INPUT_NANO = 30
TEXTS = ["hello", "world", "hello world"]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def server(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveServer]:
    """The server that embeds, had its model been trained to classify."""
    embed = peers.embed
    engine = {"kind": "sglang", "url": embed.url, "api_key": embed.key, "admin_key": embed.admin_key}
    model = {"id": MODEL, "modality": "classify", "context_length": CONTEXT}
    model["input_usd_per_mtok"] = "0.03"
    running = await asyncio.to_thread(
        start,
        tmp_path_factory.mktemp("classify") / "data",
        BATCHIN_ENGINES=json.dumps([engine]),
        BATCHIN_MODELS=json.dumps([model]),
        BATCHIN_X402="false",
    )
    try:
        yield running
    finally:
        await asyncio.to_thread(stop, running)


async def ask(server: LiveServer, **body: Any) -> tuple[aiohttp.ClientResponse, Any]:
    bearer = {"Authorization": f"Bearer {server.api_key}"}
    async with (
        aiohttp.ClientSession(server.url, headers=bearer) as http,
        http.post("/v1/classify", json={"model": MODEL, **body}) as answer,
    ):
        return answer, await answer.json()


async def test_the_class_of_each_text_charged_by_the_token_and_signed(server: LiveServer) -> None:
    answer, told = await ask(server, input=TEXTS)
    assert answer.status == 200, told
    assert (told["object"], told["model"]) == ("list", MODEL)
    assert [row["index"] for row in told["data"]] == [0, 1, 2]
    for row in told["data"]:
        assert len(row["probs"]) == row["num_classes"] == DIMENSIONS
        assert sum(row["probs"]) == pytest.approx(1, abs=0.001)
        assert row["label"] == f"class_{row['probs'].index(max(row['probs']))}"
    run_id = answer.headers["X-BatchIn-Run-Id"]
    watched = Watched(server)
    query = "SELECT tool, input_tokens, charged_nano_usd FROM usage WHERE run_id = ?"
    tokens = told["usage"]["prompt_tokens"]
    assert watched.rows(query, run_id) == [("classify", tokens, tokens * INPUT_NANO)]
    evidence = watched.http.get(f"/v1/vaas/{run_id}/evidence").json()["payload"]
    assert evidence["output_hash"] == response_hash("classify", told)
    assert evidence["public_route_label"] == "managed-classify"
    assert watched.http.get(f"/v1/vaas/{run_id}/verify").json()["valid"] is True


async def test_one_text(server: LiveServer) -> None:
    answer, told = await ask(server, input="hello")
    assert (answer.status, len(told["data"])) == (200, 1)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": [""]}, 400, "input.0"),
        ({"input": [1]}, 400, "input.0"),
        ({"input": "a", "labels": ["b"]}, 400, "labels"),
        ({"input": "a", "model": "nobody"}, 404, "model"),
    ],
)
async def test_what_is_refused_is_named_and_not_charged(
    server: LiveServer, body: dict[str, Any], status: int, param: str
) -> None:
    before = Watched(server).money()
    answer, told = await ask(server, **body)
    assert (answer.status, told["error"]["param"]) == (status, param)
    assert Watched(server).money() == before


async def test_it_is_listed_with_its_door(server: LiveServer) -> None:
    listed = Watched(server).http.get("/v1/models").json()["data"]
    (model,) = [one for one in listed if one["id"] == MODEL]
    assert "/v1/classify" in model["endpoints"]
