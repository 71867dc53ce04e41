"""Callers of every kind at once, who write down what they were told before the server dies."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from server.client import http_client
from server.demo.wallet import Wallet
from server.wallet_token import wallet_token
from settlement.chain.devnet import NETWORK
from tests.live import LiveServer

CHAT = {"model": "qwen3-32b", "messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 3}
EMBED = {"model": "bge-m3", "input": "the quick brown fox"}
_LOST = (httpx.TransportError, asyncio.CancelledError)


@dataclass
class Told:
    """What the server acknowledged: runs that were answered, and transactions of paid ones."""

    runs: list[str] = field(default_factory=list)
    paid: dict[str, str] = field(default_factory=dict)


async def callers(server: LiveServer, wallet: Wallet, told: Told, dying: asyncio.Event) -> None:
    """Call until the server is gone."""
    headers = {"authorization": f"Bearer {server.api_key}"}
    async with (
        httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as keyed,
        httpx.AsyncClient(base_url=server.url, timeout=60) as keyless,
    ):
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: _whole(keyed, "/v1/chat/completions", CHAT, told),
            lambda: _whole(keyed, "/v1/embeddings", EMBED, told),
            lambda: _stream(keyed, told),
            lambda: _pay(keyless, wallet, "/v1/embeddings", EMBED, told),
            lambda: _pay(keyless, wallet, "/v1/chat/completions", CHAT, told),
        ]
        await asyncio.gather(*(_repeat(call, dying) for call in calls))


async def pay_once(server: LiveServer, wallet: Wallet, path: str, body: Any, told: Told) -> str:
    """One call paid on chain; the access token of what it bought."""
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
        answer = await _pay(client, wallet, path, body, told)
    assert answer is not None
    return answer.headers["x-batchin-access-token"]


async def sign_in(server: LiveServer, wallet: Wallet) -> str:
    """The token that spends what the wallet's payments left."""
    async with http_client(server.url) as http:
        return await wallet_token(http, wallet, NETWORK)


async def _repeat(call: Callable[[], Awaitable[object]], dying: asyncio.Event) -> None:
    while not dying.is_set():
        with suppress(*_LOST):
            await call()


async def _whole(client: httpx.AsyncClient, path: str, body: Any, told: Told) -> None:
    answer = await client.post(path, json=body)
    if answer.status_code == 200:
        told.runs.append(answer.headers["x-batchin-run-id"])


async def _stream(client: httpx.AsyncClient, told: Told) -> None:
    body = {**CHAT, "stream": True}
    async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        if answer.status_code != 200:
            return
        async for line in answer.aiter_lines():
            if line == "data: [DONE]":
                told.runs.append(answer.headers["x-batchin-run-id"])


async def _pay(
    client: httpx.AsyncClient, wallet: Wallet, path: str, body: Any, told: Told
) -> httpx.Response | None:
    asked = await client.post(path, json=body)
    if asked.status_code != 402:
        return None
    payment = await wallet.pay(_decoded(asked.headers["payment-required"]))
    signed = base64.b64encode(orjson.dumps(payment)).decode()
    answer = await client.post(path, json=body, headers={"payment-signature": signed})
    if answer.status_code == 200:
        run_id = answer.headers["x-batchin-run-id"]
        told.runs.append(run_id)
        told.paid[run_id] = _decoded(answer.headers["payment-response"])["transaction"]
    return answer


def _decoded(header: str) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(base64.b64decode(header))
    return value
