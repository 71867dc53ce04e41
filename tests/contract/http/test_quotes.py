"""A signed quote over HTTP: named by a call, it is the most that the call is charged."""

from decimal import Decimal
from typing import Any

import httpx

from tests.live import LiveServer

ASKED = {"model": "bge-m3", "estimated_input_tokens": 200}
TEXT = {"model": "bge-m3", "input": "the quick brown fox"}


async def call(live: LiveServer, body: Any, token: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {live.api_key}", "x-batchin-quote": token}
    async with httpx.AsyncClient(base_url=live.url, timeout=60, trust_env=False) as client:
        return await client.post("/v1/embeddings", json=body, headers=headers)


async def quoted(live: LiveServer, asked: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=live.url, timeout=60, trust_env=False) as client:
        answer = await client.post("/v1/quote", json=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_call_that_names_a_quote_costs_no_more(live_server: LiveServer) -> None:
    quote = await quoted(live_server, ASKED)
    answer = await call(live_server, TEXT, quote["quote"])
    assert answer.status_code == 200, answer.text
    headers = {"authorization": f"Bearer {live_server.api_key}"}
    async with httpx.AsyncClient(base_url=live_server.url, trust_env=False) as client:
        run = answer.headers["x-batchin-run-id"]
        (entry,) = (await client.get(f"/v1/usage/logs?run_id={run}", headers=headers)).json()
    assert Decimal(entry["cost_usd"]) <= Decimal(quote["amount_usd"])


async def test_a_quote_too_small_forged_or_for_another_model_is_refused(live_server: LiveServer) -> None:
    small = await quoted(live_server, ASKED | {"estimated_input_tokens": 1})
    other = await quoted(live_server, ASKED | {"model": "qwen3-32b"})
    for token, code in (
        (small["quote"], "quote_exceeded"),
        (other["quote"], "quote_invalid"),
        (small["quote"][:-4] + "AAAA", "quote_invalid"),
        ("free", "quote_invalid"),
    ):
        answer = await call(live_server, TEXT, token)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert (error["code"], error["param"]) == (code, "X-BatchIn-Quote")
        assert answer.headers["x-should-retry"] == "false"


async def test_seconds_and_characters_are_priced(live_server: LiveServer) -> None:
    speech = {"model": "cosyvoice", "estimated_characters": 1_000_000}
    spoken = await quoted(live_server, speech)
    heard = await quoted(live_server, {"model": "whisper-large-v3-turbo", "estimated_seconds": 1.5})
    prices = spoken["other_usd"], heard["other_usd"]
    assert Decimal(spoken["amount_usd"]) == Decimal(prices[0].get("million_characters", "0"))
    assert Decimal(heard["amount_usd"]) == Decimal("1.5") * Decimal(prices[1]["second"])
    assert (spoken["estimated_characters"], heard["estimated_seconds"]) == (1_000_000, 1.5)
    assert Decimal(spoken["amount_usd"]) + Decimal(heard["amount_usd"]) > 0
