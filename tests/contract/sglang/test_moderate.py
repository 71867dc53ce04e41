"""POST /v1/moderations of a server in front of SGLang, by the official SDK: scores, charge, evidence."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from settlement.evidence.bodies import response_hash
from tests.contract.sglang.peers import CONTEXT, DIMENSIONS, MODEL, Peers
from tests.live import LiveServer, start, stop
from tests.watched import Watched

pytestmark = pytest.mark.asyncio(loop_scope="package")

INPUT_NANO = 30
CATEGORIES = ["", "violence", "hate", *[""] * (DIMENSIONS - 3)]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def server(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveServer]:
    embed = peers.embed
    engine = {"kind": "sglang", "url": embed.url, "api_key": embed.key, "admin_key": embed.admin_key}
    model = {"id": MODEL, "modality": "classify", "context_length": CONTEXT, "aliases": ["guard"]}
    model["input_usd_per_mtok"] = "0.03"
    running = await asyncio.to_thread(
        start,
        tmp_path_factory.mktemp("moderate") / "data",
        BATCHIN_ENGINES=json.dumps([engine]),
        BATCHIN_MODELS=json.dumps([model]),
        BATCHIN_MODERATION=json.dumps({"model": MODEL, "categories": CATEGORIES, "threshold": 1e-9}),
        BATCHIN_X402="false",
    )
    try:
        yield running
    finally:
        await asyncio.to_thread(stop, running)


def sdk(server: LiveServer) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=server.url + "/v1", api_key=server.api_key, max_retries=0)


async def test_each_text_in_categories_charged_by_the_token_and_signed(server: LiveServer) -> None:
    async with sdk(server) as client:
        raw = await client.moderations.with_raw_response.create(input=["hello", "world"], model="guard")
    answer = raw.parse()
    assert (answer.id.startswith("modr_"), answer.model, len(answer.results)) == (True, "guard", 2)
    for result in answer.results:
        assert (result.flagged, result.categories.violence, result.categories.sexual) == (
            True,
            True,
            False,
        )
        assert 0 < result.category_scores.violence < 1
        assert result.category_scores.self_harm == 0
        assert result.category_applied_input_types.violence == ["text"]
        assert result.category_applied_input_types.self_harm == []
        assert result.categories.illicit_violent is False
    told = json.loads(raw.text)
    run_id = raw.headers["X-BatchIn-Run-Id"]
    watched = Watched(server)
    query = "SELECT tool, input_tokens, charged_nano_usd FROM usage WHERE run_id = ?"
    ((tool, tokens, charged),) = watched.rows(query, run_id)
    assert (tool, charged) == ("moderate", tokens * INPUT_NANO)
    evidence = watched.http.get(f"/v1/vaas/{run_id}/evidence").json()["payload"]
    assert evidence["output_hash"] == response_hash("moderate", told)
    assert watched.http.get(f"/v1/vaas/{run_id}/verify").json()["valid"] is True


async def test_parts_are_one_input(server: LiveServer) -> None:
    parts: Any = [{"type": "text", "text": "hello"}, {"type": "text", "text": "world"}]
    async with sdk(server) as client:
        assert len((await client.moderations.create(input=parts)).results) == 1
        assert len((await client.moderations.create(input="hello")).results) == 1


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"input": []}, 400, "input"),
        ({"input": [""]}, 400, "input.0"),
        ({"input": [{"type": "image_url", "image_url": {"url": "a"}}]}, 400, "input.0.type"),
        ({"input": "a", "model": "nobody"}, 404, "model"),
    ],
)
async def test_what_is_refused_is_named_and_not_charged(
    server: LiveServer, body: dict[str, Any], status: int, param: str
) -> None:
    before = Watched(server).money()
    async with sdk(server) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.moderations.create(**body)
    assert (caught.value.status_code, caught.value.param) == (status, param)
    assert Watched(server).money() == before
