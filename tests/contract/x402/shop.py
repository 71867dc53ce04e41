"""A wallet at the door of a real server: asks, signs (well or badly), pays, and looks at the chain."""

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
import orjson

from base.money import nano_from_atomic
from server.client import http_client
from server.demo.chain import Transaction, chain_at
from server.demo.wallet import Wallet
from server.wallet_token import wallet_token
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.funding import usdc_balance
from settlement.ledger.ids import CHAIN, RECEIVABLE, REVENUE
from tests.chains import Payer
from tests.watched import Watched

CHAT, EMBED = "/v1/chat/completions", "/v1/embeddings"
QUESTION: dict[str, Any] = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "Say hi."}],
    "max_tokens": 3,
}
TEXT: dict[str, Any] = {"model": "bge-m3", "input": "the quick brown fox"}
Json = dict[str, Any]


@dataclass(frozen=True)
class Shop:
    """One server and one wallet."""

    watched: Watched
    payer: Payer
    wallet: Wallet

    @property
    def url(self) -> str:
        return self.watched.server.url

    def client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=60, trust_env=False, **options)

    async def send(self, path: str, body: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client() as client:
            return await client.post(path, json=body, headers=named)

    async def challenge(self, path: str, body: Any) -> Json:
        answer = await self.send(path, body)
        assert answer.status_code == 402, answer.text
        return decoded(answer.headers["payment-required"])

    async def sign(self, path: str, body: Any) -> Json:
        """A payment by the official client."""
        return await self.wallet.pay(await self.challenge(path, body))

    async def pay(self, path: str, body: Any, payment: Any) -> httpx.Response:
        return await self.send(path, body, payment_signature=encoded(payment))

    async def forge(self, path: str, body: Any, **changes: Any) -> Json:
        """A payment as the official client makes it, with other terms: ``value``, ``payee``,
        ``valid_after``, ``valid_before``, ``sender``, all of them signed."""
        challenge = await self.challenge(path, body)
        offer = exact(challenge)
        terms = {
            "payee": offer["payTo"],
            "value_atomic": int(offer["amount"]),
            "valid_before": int(time.time()) + offer["maxTimeoutSeconds"],
            "nonce": secrets.token_bytes(32),
            **changes,
        }
        signed = self.payer.authorize(**terms)
        authorization = {
            "from": signed.payer,
            "to": signed.payee,
            "value": str(signed.value_atomic),
            "validAfter": str(signed.valid_after),
            "validBefore": str(signed.valid_before),
            "nonce": signed.nonce,
        }
        return {
            "x402Version": 2,
            "accepted": offer,
            "resource": challenge["resource"],
            "payload": {"signature": "0x" + signed.signature.hex(), "authorization": authorization},
        }

    async def wallet_token(self) -> str:
        """The token of the wallet, which signs in: it spends its credit and opens all that it bought."""
        async with http_client(self.url) as http:
            return await wallet_token(http, self.wallet, NETWORK)

    async def transaction(self, transaction_hash: str) -> Transaction:
        async with chain_at(self.watched.server.rpc_url, USDC) as chain:
            return await chain.transaction(transaction_hash)

    async def wallet_atomic(self) -> int:
        """What the wallet has on the chain."""
        return await usdc_balance(self.watched.server.rpc_url, self.payer.address)

    async def imbalance(self) -> Mapping[str, Any]:
        """What is wrong between the books and the chain; empty when nothing is."""
        books = await self.watched.audit()
        query = "SELECT DISTINCT json_extract(requirements, '$.payTo') FROM payment"
        payees = [payee for (payee,) in self.watched.rows(query)]
        rpc_url = self.watched.server.rpc_url
        received = sum([await usdc_balance(rpc_url, payee) for payee in payees])
        [(used,)] = self.watched.rows("SELECT coalesce(sum(charged_nano_usd), 0) FROM usage")
        figures = {
            "faults": books.faults,
            "total": books.total_nano_usd,
            "held": books.held_nano_usd,
            "receivable": books.balances.get(RECEIVABLE, 0),
            "chain": -books.balances.get(CHAIN, 0) - nano_from_atomic(received),
            "revenue": books.balances.get(REVENUE, 0) - used,
        }
        return {name: figure for name, figure in figures.items() if figure}

    def as_another(self, payer: Payer, wallet: Wallet) -> "Shop":
        return replace(self, payer=payer, wallet=wallet)


def exact(challenge: Json) -> Json:
    """The offer to pay by EIP-3009, which every client knows."""
    for offer in challenge["accepts"]:
        if offer["scheme"] == "exact" and "assetTransferMethod" not in offer["extra"]:
            return dict(offer)
    raise AssertionError(challenge)


def encoded(payment: Any) -> str:
    return base64.b64encode(orjson.dumps(payment)).decode()


def decoded(header: str) -> Json:
    value: Json = orjson.loads(base64.b64decode(header))
    return value
