"""Every way to pay that a challenge offers, by the official Python client at a real server."""

import copy
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_response_header
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSigner, EthAccountSignerWithRPC
from x402.mechanisms.evm.upto import UptoEvmScheme
from x402.schemas import PaymentRequired

from base.money import ceil_div
from settlement.chain.devnet import NETWORK
from settlement.chain.funding import fund
from tests.chains import Payer, new_payer, smart_wallet
from tests.contract.x402.shop import CHAT, QUESTION, Shop, decoded

SIGNED = ("payload", "permit2Authorization")
OTHER = "0x" + "11" * 20


async def wallet_of(shop: Shop, atomic: int = 100_000) -> Payer:
    """A wallet with USDC and no gas, which approved nothing."""
    payer = new_payer()
    await fund(shop.watched.server.rpc_url, payer.address, atomic)
    return payer


def by_permit(_: int, offers: list[Any]) -> list[Any]:
    return [offer for offer in offers if (offer.extra or {}).get("assetTransferMethod") == "permit2"]


def client_of(shop: Shop, payer: Payer, scheme: str, *, reads_chain: bool = True) -> x402Client:
    rpc_url = shop.watched.server.rpc_url
    account = payer.account
    signer = EthAccountSignerWithRPC(account, rpc_url) if reads_chain else EthAccountSigner(account)
    client = x402Client()
    client.set_spend_controls(False)
    if scheme == "upto":
        client.register(NETWORK, UptoEvmScheme(signer))
    else:
        client.register(NETWORK, ExactEvmScheme(signer))
        client.register_policy(by_permit)
    return client


async def post(shop: Shop, client: x402Client, body: Any) -> httpx.Response:
    async with x402HttpxClient(client, base_url=shop.url, timeout=60, trust_env=False) as http:
        answer: httpx.Response = await http.post(CHAT, json=body)
        return answer


@pytest.mark.parametrize("scheme", ["upto", "exact"])
async def test_a_wallet_without_gas_pays_by_permit2(shop: Shop, scheme: str) -> None:
    payer = await wallet_of(shop)
    another = shop.as_another(payer, shop.wallet)
    client = client_of(shop, payer, scheme)
    answer = await post(shop, client, QUESTION)
    assert answer.status_code == 200, answer.text
    settled = decode_payment_response_header(answer.headers["payment-response"])
    (row,) = shop.watched.payments(payer.address)
    nano = row.charged_nano_usd
    assert nano > 0
    moved = 100_000 - await another.wallet_atomic()
    assert str(moved) == settled.amount
    if scheme == "upto":
        assert moved == max(1, ceil_div(nano, 1000))
        assert moved < row.amount_atomic
    else:
        assert moved == row.amount_atomic
    transaction = await shop.transaction(settled.transaction)
    assert transaction.succeeded
    async with shop.client() as http:
        verdict = (await http.get(f"/v1/vaas/{row.run_id}/verify")).json()
        bundle = (await http.get(f"/v1/vaas/{row.run_id}/bundle")).json()
        told = (await http.get(f"/v1/payments/{row.run_id}")).json()
    assert verdict["valid"] is True, verdict
    assert bundle["receipt"]["receipt_payload"]["transaction"] == settled.transaction
    assert (told["status"], told["amount"]) == ("settled", str(moved))


async def test_a_wallet_that_can_not_approve_is_told_how(shop: Shop) -> None:
    payer = await wallet_of(shop)
    client = client_of(shop, payer, "upto", reads_chain=False)
    answer = await post(shop, client, QUESTION)
    assert answer.status_code == 412, answer.text
    error = answer.json()["error"]
    assert error["code"] == "permit2_allowance_required"
    assert "eip2612GasSponsoring" in error["resolution"]
    assert decoded(answer.headers["payment-required"])["error"] == "permit2_allowance_required"
    assert answer.headers["x-should-retry"] == "false"
    assert shop.watched.payments(payer.address) == []


async def upto_payment(shop: Shop, payer: Payer, body: Any) -> dict[str, Any]:
    challenge = PaymentRequired.model_validate(await shop.challenge(CHAT, body))
    payload = await client_of(shop, payer, "upto").create_payment_payload(challenge)
    return payload.model_dump(mode="json", by_alias=True, exclude_none=True)


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(payment: dict[str, Any]) -> None:
        at = payment
        for part in path[:-1]:
            at = at[part]
        at[path[-1]] = to

    return change


CHANGED = {
    "another payee": _set(*SIGNED, "witness", "to", to=OTHER),
    "another facilitator": _set(*SIGNED, "witness", "facilitator", to=OTHER),
    "another maximum": _set(*SIGNED, "permitted", "amount", to="1"),
    "another token": _set(*SIGNED, "permitted", "token", to=OTHER),
    "another spender": _set(*SIGNED, "spender", to=OTHER),
    "another nonce": _set(*SIGNED, "nonce", to="5"),
    "a later deadline": _set(*SIGNED, "deadline", to="4102444800"),
    "a cheaper offer": _set("accepted", "amount", to="1"),
    "settled by itself": _set("accepted", "extra", "facilitatorAddress", to=OTHER),
    "another wallet's tokens": _set("extensions", "eip2612GasSponsoring", "info", "from", to=OTHER),
    "a greedy approval": _set("extensions", "eip2612GasSponsoring", "info", "amount", to="9" * 17),
    "an approval of another": _set("extensions", "eip2612GasSponsoring", "info", "spender", to=OTHER),
    "a wallet to be made": _set("payload", "signature", to="0x" + "11" * 96 + "6492" * 16),
}


async def test_what_a_permit_claims_is_not_believed(shop: Shop) -> None:
    payer = await wallet_of(shop)
    signed = await upto_payment(shop, payer, QUESTION)
    for name, change in CHANGED.items():
        payment = copy.deepcopy(signed)
        change(payment)
        with shop.watched.free_of_charge():
            answer = await shop.pay(CHAT, QUESTION, payment)
        assert answer.status_code == 402, (name, answer.text)
        assert answer.json()["error"]["code"] == "payment_invalid", name
    with shop.watched.free_of_charge():  # the permit is bound to its body's price, and to its resource
        dearer = await shop.pay(CHAT, QUESTION | {"max_tokens": 400}, signed)
    assert dearer.status_code == 402
    assert (await shop.pay(CHAT, QUESTION, signed)).status_code == 200  # it was not spent by that
    again = await shop.pay(CHAT, QUESTION, signed)
    assert again.status_code == 200
    (row,) = shop.watched.payments(payer.address)
    assert again.headers["x-batchin-run-id"] == row.run_id
    other = await shop.pay(CHAT, QUESTION | {"seed": 7}, signed)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "payment_reused")


async def test_a_stream_is_not_paid_by_upto(shop: Shop) -> None:
    """Withheld text can't be taken back, and what was not signed for can't be taken later."""
    challenge = await shop.challenge(CHAT, QUESTION | {"stream": True})
    assert {offer["scheme"] for offer in challenge["accepts"]} == {"exact"}
    signed = await upto_payment(shop, await wallet_of(shop), QUESTION)
    with shop.watched.free_of_charge():
        answer = await shop.pay(CHAT, QUESTION | {"stream": True}, signed)
    assert answer.status_code == 402


async def test_a_contract_wallet_pays(shop: Shop) -> None:
    owner = new_payer()
    contract = await smart_wallet(shop.watched.server.rpc_url, owner)
    await fund(shop.watched.server.rpc_url, contract, 100_000)
    another = shop.as_another(owner, shop.wallet)
    payment = await another.forge(CHAT, QUESTION, sender=contract)
    answer = await shop.pay(CHAT, QUESTION, payment)
    assert answer.status_code == 200, answer.text
    assert decoded(answer.headers["payment-response"])["payer"] == contract
    forged = await shop.as_another(new_payer(), shop.wallet).forge(CHAT, QUESTION, sender=contract)
    with shop.watched.free_of_charge():
        refused = await shop.pay(CHAT, QUESTION, forged)
    assert refused.status_code == 402
