"""The demo from beginning to end: who does what, in which order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from openai import AsyncOpenAI

from server.client import http_client
from server.demo import agent, people, proof, published
from server.demo.amounts import usd, usdc
from server.demo.chain import Chain, chain_at
from server.demo.host import Host
from server.demo.transcript import Transcript
from server.demo.wallet import Wallet, fresh_wallet
from server.mcp.client import mcp_client
from server.wallet_token import wallet_token
from settlement.chain.funding import fund
from settlement.evidence.trust import Trust
from settlement.evidence.verify import Bodies, verify_bundle

_POCKET_ATOMIC: Final = 1_000_000
_MOST_ATOMIC: Final = 10_000
_FIRST: Final = "What is the capital of France?"
_SECOND: Final = "Write one sentence about the sea."
_THIRD: Final = "Which planet do we live on?"


@dataclass(frozen=True, slots=True)
class Scene:
    """What every step needs: where to tell it, the server, the server seen by a stranger, the chain."""

    out: Transcript
    host: Host
    http: httpx2.AsyncClient
    chain: Chain


async def tell(out: Transcript, host: Host) -> None:
    """Run every step. Raises StepFailed for the first that does not hold."""
    async with http_client(host.url) as http, chain_at(host.rpc_url, host.usdc) as chain:
        scene = Scene(out, host, http, chain)
        found, trust = await _agent_part(scene)
        await _person_part(scene, found, trust)
        out.bills()


async def _agent_part(scene: Scene) -> tuple[agent.Found, Trust]:
    """A stranger with a wallet, from discovery to proof."""
    out, host = scene.out, scene.host
    wallet = fresh_wallet(host.network, host.usdc, _MOST_ATOMIC)
    async with mcp_client(scene.http) as client:
        out.step(
            "An agent connects and looks around",
            "The official MCP client over streamable HTTP. No account, no key, no money.",
        )
        found = await agent.discover(out, client)
        trust = await published.keys(scene.http)
        out.check("the server publishes its signing keys; the agent keeps a copy", bool(trust.keys))

        out.step(
            "It has a new wallet and is given pocket money",
            "A fresh key. The dev chain's funder hands out play USDC.",
        )
        await _give_pocket_money(scene, wallet)

        out.step(
            "It asks without a key and without paying",
            "The answer is a price: an x402 challenge.",
        )
        request = agent.question(found.chat_model, _FIRST, 256)
        challenge = await agent.be_challenged(out, client, request)
        _weigh(scene, challenge)

        out.step(
            "It signs, pays and is answered",
            "The official x402 client signs an EIP-3009 authorization, off chain and without gas. The "
            "server settles it before the answer leaves.",
        )
        before = await proof.balances(scene.chain, wallet.address, challenge.pay_to)
        paid = await agent.pay(out, client, wallet, request, challenge)
    after = await proof.balances(scene.chain, wallet.address, challenge.pay_to)

    out.step("Who paid what to whom", "As the chain has it, against what the agent signed.")
    await proof.check_payment(out, scene.chain, paid, before, after)

    out.step(
        "The receipt, checked offline",
        "Nobody is asked: the agent has the keys that it kept, what it sent, what it got, and a proof "
        "from the log.",
    )
    await _check_receipt(scene, trust, paid)

    out.step(
        "It spends what is left",
        "The price was a maximum. The rest is the wallet's credit: whoever signs in with it spends it.",
    )
    await _spend_rest(scene, found, wallet, paid)
    return found, trust


async def _give_pocket_money(scene: Scene, wallet: Wallet) -> None:
    out = scene.out
    empty = await scene.chain.balance_atomic(wallet.address)
    out.facts({"Wallet": wallet.address, "Balance": usdc(empty)})
    out.check("the wallet is new: it owns nothing", empty == 0)
    transaction = await fund(scene.host.rpc_url, wallet.address, _POCKET_ATOMIC)
    now = await scene.chain.balance_atomic(wallet.address)
    out.facts({"Faucet": transaction, "Balance": usdc(now)})
    out.check(f"it owns {usdc(_POCKET_ATOMIC)} of play money", now == _POCKET_ATOMIC)


def _weigh(scene: Scene, challenge: agent.Challenge) -> None:
    """What a careful agent looks at before it signs; its x402 client enforces the same limits."""
    out, offer = scene.out, challenge.wire["accepts"][0]
    out.check(
        "it is for the tool that was called", challenge.wire["resource"]["url"] == "mcp://tool/chat"
    )
    known = offer["network"] == scene.host.network and offer["asset"] == scene.host.usdc
    out.check("it asks for the USDC that the agent owns, on the dev chain", known)
    below = 0 < challenge.amount_atomic <= _MOST_ATOMIC
    out.check(f"it is below the agent's limit of {usdc(_MOST_ATOMIC)}", below)


async def _check_receipt(scene: Scene, trust: Trust, paid: agent.Answer) -> None:
    out = scene.out
    record_id = paid.evidence["record_id"]
    with out.waiting("Waiting for the record's place in the log ..."):
        bundle = await published.logged_bundle(scene.http, record_id)
    out.facts({"Record": record_id, "Public": f"GET /v1/vaas/{record_id}/bundle"})
    same = bundle["evidence"] == paid.evidence and bundle["receipt"] == paid.receipt
    out.check("the published bundle is what came with the answer", same)
    proof.check_answer(out, bundle, trust, paid)
    proof.check_receipt_payment(out, paid)


async def _spend_rest(scene: Scene, found: agent.Found, wallet: Wallet, paid: agent.Answer) -> None:
    out = scene.out
    token = await wallet_token(scene.http, wallet, scene.host.network)
    out.check("the wallet signs who it is, and is given a token", bool(token))
    before = await scene.chain.balance_atomic(wallet.address)
    request = agent.question(found.chat_model, _SECOND, 48)
    async with (
        http_client(scene.host.url, token) as http,
        mcp_client(http) as client,
    ):
        second = await agent.spend_credit(out, client, request, paid.credit_nano_usd)
    after = await scene.chain.balance_atomic(wallet.address)
    out.check("nothing moved on the chain", after == before, usdc(after))
    left = paid.credit_nano_usd - second.charged_nano_usd
    used = paid.charged_nano_usd + second.charged_nano_usd
    out.bill("agent", "x402, once", "2 chats", usd(used), usd(left))


async def _person_part(scene: Scene, found: agent.Found, trust: Trust) -> None:
    """A customer with a key and a balance; the key ends with the demo."""
    out, host = scene.out, scene.host
    out.step("A person gets an API key", "From the operator, through the admin socket.")
    customer = await people.enroll(out, host)
    try:
        async with people.sdk(host, customer) as client:
            await _talk(scene, found, trust, customer, client)
    finally:
        await people.dismiss(host, customer)
    out.check("the key is revoked: it opens nothing any more", await _is_refused(host, customer))


async def _talk(
    scene: Scene, found: agent.Found, trust: Trust, customer: people.Customer, client: AsyncOpenAI
) -> None:
    out, host = scene.out, scene.host
    before = await people.balance(host, customer.account_id)
    request = agent.question(found.chat_model, _THIRD, 64)
    out.step("The official openai SDK, same capability", "A base URL and a key, nothing else.")
    plain = await people.ask_plainly(out, client, request)
    charged = await _proved(scene, trust, request, plain)

    out.step("The same, streamed", "Word by word; the signature rides on the last chunk.")
    streamed = await people.ask_streamed(out, client, request)
    charged += await _proved(scene, trust, request, streamed)

    out.step(
        "Three sentences, embedded", "Cosine similarity: 1 is the same meaning, 0 nothing in common."
    )
    embedding = people.embedding(found.embedding_model)
    embedded = await people.embed(out, client, embedding)
    charged += await _proved(scene, trust, embedding, embedded)

    out.step("The person's books")
    after = await people.balance(host, customer.account_id)
    out.facts({"Balance before": usd(before), "Three calls": usd(charged), "Balance after": usd(after)})
    out.check("the balance fell by exactly what the three receipts say", before - after == charged)
    out.bill("person", "balance", "2 chats, 1 embed", usd(charged), usd(after))


async def _proved(scene: Scene, trust: Trust, request: Mapping[str, Any], said: people.Said) -> int:
    """Verify a call's published record against what was sent and received; returns what it charged."""
    bundle = await published.logged_bundle(scene.http, said.record_id)
    verdict = verify_bundle(bundle, trust, Bodies(request, said.body))
    passed = sum(1 for check in verdict.checks if check.valid)
    failed = "; ".join(check.name for check in verdict.checks if not check.valid)
    held = verdict.valid and verdict.exit_code == 0
    scene.out.check(f"all {passed} checks of its record and receipt pass", held, failed)
    return int(bundle["receipt"]["receipt_payload"]["charged_nano_usd"])


async def _is_refused(host: Host, customer: people.Customer) -> bool:
    async with http_client(host.url, customer.key) as http:
        response = await http.post("/v1/embeddings", json=people.embedding("any"))
    return response.status_code == 401
