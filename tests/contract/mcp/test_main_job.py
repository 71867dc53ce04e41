"""The main job over MCP with the real server: find, be challenged, pay, be answered, prove it, leave."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import httpx2
import pytest
from eth_account import Account
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, RequestParamsMeta

from server.demo.chain import chain_at
from server.demo.wallet import Wallet
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.funding import fund
from settlement.evidence.trust import trust_from_document
from settlement.evidence.verify import Bodies, verify_bundle
from tests.children import CHAT_ENGINE, child_of, wait_until_idle
from tests.live import LiveServer
from tests.long_answer import LONG
from tests.watched import Watched

MODES = ("2026-07-28", "legacy")
QUESTION: dict[str, Any] = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "max_tokens": 12,
    "temperature": 0,
}


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def wallet(live_server: LiveServer) -> Wallet:
    wallet = Wallet(Account.create(), NETWORK, USDC, 100_000)
    asyncio.run(fund(live_server.rpc_url, wallet.address, 10_000_000))
    return wallet


@pytest.fixture
def watched(live_server: LiveServer) -> Watched:
    return Watched(live_server)


@asynccontextmanager
async def connected(server: LiveServer, mode: str, key: str | None = None) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        transport = streamable_http_client(server.url + "/v1/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


def paying(payment: Any) -> RequestParamsMeta:
    return cast("RequestParamsMeta", {"x402/payment": payment})


def offer_of(result: CallToolResult, flow: str | None) -> dict[str, Any]:
    """The challenge with the offers of one flow."""
    challenge = cast("dict[str, Any]", result.structured_content)
    accepts = [o for o in challenge["accepts"] if o["extra"].get("paymentFlow") == flow]
    return challenge | {"accepts": accepts}


async def check_proof(watched: Watched, request: Any, result: CallToolResult) -> None:
    """The receipt that came with the answer holds, offline, for this request and for no other."""
    meta = result.meta or {}
    bundle = {"receipt": meta["batchin/receipt"], "evidence": meta["batchin/evidence"]}
    trust = trust_from_document(watched.http.get("/v1/vaas/pubkey/current").json())
    bodies = Bodies(request, result.structured_content)
    checks = {check.name: check for check in verify_bundle(bundle, trust, bodies).checks}
    failed = [check for check in checks.values() if check.result == "fail"]
    assert not failed
    for other in (request | {"max_tokens": 13}, request | {"seed": 1}):
        verdict = verify_bundle(bundle, trust, Bodies(other, result.structured_content))
        assert [check.name for check in verdict.checks if check.result == "fail"]
    changed = {**bundle, "receipt": {**bundle["receipt"], "record_id": "vaas_" + "0" * 32}}
    assert not verify_bundle(changed, trust).valid


async def test_an_agent_is_challenged_pays_and_proves_it(
    watched: Watched, wallet: Wallet, mode: str
) -> None:
    server = watched.server
    async with connected(server, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"chat", "embed", "models", "quote", "verify"} <= set(tools)
        with watched.free_of_charge("capital of France") as lines:
            asked = await client.call_tool("chat", QUESTION)
        assert asked.is_error is True
        assert lines[0]["outcome"] == "payment_required"
        payment = await wallet.pay(offer_of(asked, None))
        answer = await client.call_tool("chat", QUESTION, meta=paying(payment))
        again = await client.call_tool("chat", QUESTION, meta=paying(payment))
        other = await client.call_tool("chat", LONG, meta=paying(payment))
    assert answer.is_error is False, answer
    assert answer.structured_content is not None
    assert answer.structured_content["choices"][0]["message"]["content"]
    meta = answer.meta or {}
    settled = meta["x402/payment-response"]
    async with chain_at(server.rpc_url, USDC) as chain:
        transaction = await chain.transaction(settled["transaction"])
    (moved,) = transaction.transfers
    assert (moved.payer, str(moved.value_atomic)) == (wallet.address, settled["amount"])
    charge = meta["batchin/charge"]
    paid = moved.value_atomic * 1000
    assert charge["charged_nano_usd"] + charge["credit_nano_usd"] == paid
    await check_proof(watched, QUESTION, answer)
    # sent again it is the stored answer of the same run; for anything else it is spent
    assert again.structured_content == answer.structured_content
    assert (again.meta or {})["x402/payment-response"] == settled
    assert (again.meta or {})["batchin/run_id"] == meta["batchin/run_id"]
    assert other.is_error is True
    assert other.structured_content is not None
    assert other.structured_content["error"]["code"] == "payment_reused"


async def test_the_text_of_a_payment_after_the_run_is_not_shown_before(
    watched: Watched, wallet: Wallet, mode: str
) -> None:
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with connected(watched.server, mode) as client:
        asked = await client.call_tool("chat", QUESTION)
        for flow in (None, "upfront"):
            heard.clear()
            payment = await wallet.pay(offer_of(asked, flow))
            answer = await client.call_tool(
                "chat", QUESTION, progress_callback=hear, meta=paying(payment)
            )
            assert answer.structured_content is not None, answer
            text = answer.structured_content["choices"][0]["message"]["content"]
            assert "".join(piece or "" for piece in heard) == (text if flow else "")
            await check_proof(watched, QUESTION, answer)


async def test_a_key_hears_the_answer_as_it_grows(watched: Watched, mode: str) -> None:
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async with connected(watched.server, mode, watched.server.api_key) as client:
        answer = await client.call_tool("chat", QUESTION, progress_callback=hear)
    assert answer.structured_content is not None
    text = answer.structured_content["choices"][0]["message"]["content"]
    assert "".join(message or "" for _, message in heard) == text
    counts = [progress for progress, _ in heard]
    assert counts == sorted(set(counts))
    await check_proof(watched, QUESTION, answer)


async def test_a_cancelled_call_stops_the_engine_and_costs_what_was_heard(
    watched: Watched, mode: str
) -> None:
    engine = child_of(watched.server, CHAT_ENGINE)
    begun = asyncio.Event()
    before = watched.money().accounts
    known = {run for (run,) in watched.rows("SELECT run_id FROM usage")}

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    async with connected(watched.server, mode, watched.server.api_key) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: client.call_tool("chat", LONG, progress_callback=hear))
            await begun.wait()
            group.cancel_scope.cancel()
        took_s = await asyncio.to_thread(wait_until_idle, engine)
        print(f"{mode}: the engine was idle {took_s:.2f} s after the call was cancelled")
        query = "SELECT run_id, status, input_tokens, output_tokens, charged_nano_usd FROM usage"
        deadline = time.monotonic() + 60
        while not (cut := [row for row in watched.rows(query) if row[0] not in known]):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
    ((run_id, status, inputs, outputs, charged),) = cut
    assert status == "partial"
    assert 0 < outputs < LONG["max_tokens"]
    assert charged == inputs * 20 + outputs * 80
    after = watched.money()
    assert after.holds == 0
    spent = {name: before[name][0] - after.accounts[name][0] for name in before}
    assert sum(spent.values()) == charged
    assert watched.http.get(f"/v1/vaas/{run_id}/verify").json()["valid"] is True


async def test_a_cancelled_call_that_showed_nothing_costs_nothing(watched: Watched, mode: str) -> None:
    engine = child_of(watched.server, CHAT_ENGINE)
    before = watched.money()
    async with connected(watched.server, mode, watched.server.api_key) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "chat", LONG)
            await asyncio.to_thread(watched.eventually, "held", lambda: watched.money().holds == 1)
            group.cancel_scope.cancel()
        await asyncio.to_thread(wait_until_idle, engine)
        await asyncio.to_thread(watched.eventually, "let go", lambda: watched.money() == before)


@pytest.mark.parametrize("key", ["batchin_api_" + "x" * 40, "sk-1", "batchin_wallet_" + "A" * 43])
async def test_a_wrong_key_is_refused_before_anything_is_read(watched: Watched, key: str) -> None:
    with watched.free_of_charge(key):
        answer = watched.http.post(
            "/v1/mcp", content=b"not even JSON", headers={"authorization": f"Bearer {key}"}
        )
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    with pytest.raises(Exception):  # noqa: B017, PT011 - whichever way the SDK says it
        async with connected(watched.server, "legacy", key) as client:
            await client.list_tools()
