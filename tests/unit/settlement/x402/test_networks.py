"""Several networks at once: what is asked on each, and that a payment of one is never one of another."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from x402.http.utils import decode_payment_required_header
from x402.mechanisms.evm.default_assets import DEFAULT_ASSETS
from x402.mechanisms.evm.utils import normalize_address
from x402.mechanisms.evm.v1.constants import V1_NETWORK_CHAIN_IDS
from x402.schemas import PaymentRequired

from settlement.x402 import reasons
from settlement.x402.challenge import challenge_headers, challenge_of
from settlement.x402.errors import PaymentInvalid
from settlement.x402.facilitator import SettlementState
from settlement.x402.facilitators.router import Router
from settlement.x402.networks import NETWORKS, v1_name
from settlement.x402.payment import Payment
from settlement.x402.rail import X402Rail
from settlement.x402.sale import offers_of
from tests.unit.settlement.evidence.case import at_once
from tests.unit.settlement.x402.house import (
    HTTP,
    PAY_TO,
    SALE,
    Chain,
    Clock,
    House,
    Payer,
    challenged,
    opened,
    order,
    run,
)

BASE = replace(SALE, asset=NETWORKS["base"].asset, pay_to="0x" + "22" * 20, min_charge_atomic=30)
PUBLIC = {name: network for name, network in NETWORKS.items() if name != "dev"}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_tokens_and_their_domains_are_x402s(name: str) -> None:
    asset = NETWORKS[name].asset
    theirs = DEFAULT_ASSETS[asset.network][0]
    assert (asset.address, asset.name, asset.version) == (
        theirs["asset"],
        theirs["name"],
        theirs["version"],
    )
    assert normalize_address(asset.address) == asset.address


@pytest.mark.parametrize("name", PUBLIC)
def test_version_1_names_are_x402s(name: str) -> None:
    network = NETWORKS[name]
    known = {chain_id: name for name, chain_id in V1_NETWORK_CHAIN_IDS.items()}
    assert network.v1_name == known.get(network.asset.chain_id, "")
    assert v1_name(network.asset.network) == (network.v1_name or network.asset.network)


@dataclass
class Two:
    """One rail that is paid on two networks."""

    rail: X402Rail
    house: House
    base: Chain


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    clock = Clock()
    async with opened(tmp_path, Chain(clock)) as house:
        base = Chain(clock)
        router = Router({SALE.asset.network: house.chain, BASE.asset.network: base})
        old = house.rail
        collector = replace(old._collector, facilitator=router)
        rail = X402Rail(SALE, old._desk, collector, others=[BASE])
        yield Two(rail, house, base)


def on(network: str) -> Any:
    def policy(_: int, offers: list[Any]) -> list[Any]:
        return [offer for offer in offers if offer.network == network]

    return policy


async def test_each_network_asks_for_its_own(two: Two) -> None:
    asked = [
        (offer["network"], offer["payTo"], offer["amount"], offer["extra"]["name"])
        for offer in (await challenged(two, order()))["accepts"]
    ]
    assert asked == [
        ("eip155:31337", PAY_TO, "28", "USDC"),
        ("eip155:8453", "0x" + "22" * 20, "30", "USD Coin"),
    ]


def test_the_challenge_of_all_networks_fits_into_a_header() -> None:
    """Node takes 16 KiB of headers in all."""
    sales = [
        replace(SALE, asset=network.asset, permit2_settler="0x" + "11" * 20)
        for network in NETWORKS.values()
    ]
    offers = offers_of(sales, order())
    assert [offer.scheme.value for offer in offers] == ["upto"] * 7 + ["exact"] * 7
    assert len({offer.requirements["network"] for offer in offers}) == 7
    resource = replace(HTTP, discovery={"info": "x" * 9_000})
    challenge = at_once(challenge_of(resource, offers, "Payment required"))
    sent = decode_payment_required_header(challenge_headers(challenge)["PAYMENT-REQUIRED"])
    assert len(challenge_headers(challenge)["PAYMENT-REQUIRED"]) < 12_000
    assert isinstance(sent, PaymentRequired)
    assert len(sent.accepts) == 14
    assert sent.extensions is not None
    assert set(sent.extensions) == {"payment-identifier", "eip2612GasSponsoring"}
    assert "bazaar" in challenge["extensions"]  # whole over MCP


async def test_a_payment_settles_on_the_network_that_it_was_signed_for(two: Two) -> None:
    payer = Payer(networks="eip155:*")
    challenge = await challenged(two, order())
    await run(two, order(await payer.sign(challenge, on("eip155:8453"))))
    assert (two.house.chain.received, two.base.received) == (0, 30)
    await run(two, order(await payer.sign(challenge, on("eip155:31337"))))
    assert (two.house.chain.received, two.base.received) == (28, 30)


async def test_a_signature_for_one_network_is_worth_nothing_on_another(two: Two) -> None:
    """Play money of the development chain above all."""
    challenge = await challenged(two, order())
    payment = await Payer().sign(challenge, on("eip155:31337"))
    base = next(offer for offer in challenge["accepts"] if offer["network"] == "eip155:8453")
    with pytest.raises(PaymentInvalid):
        await two.rail.authorize(order({**payment, "accepted": base}))
    old = {"x402Version": 1, "scheme": "exact", "network": "base", "payload": payment["payload"]}
    with pytest.raises(PaymentInvalid):
        await two.rail.authorize(order(old))
    assert (two.house.chain.received, two.base.received) == (0, 0)


async def test_a_network_that_is_not_served_is_named(two: Two) -> None:
    payment = await Payer().sign(await challenged(two, order()), on("eip155:31337"))
    other = {**payment, "accepted": {**payment["accepted"], "network": "eip155:1"}}
    with pytest.raises(PaymentInvalid) as refused:
        await two.rail.authorize(order(other))
    assert refused.value.reason == reasons.NETWORK_MISMATCH


async def test_a_payment_of_a_network_that_was_taken_out_waits(two: Two) -> None:
    payment = await Payer().sign(await challenged(two, order()), on("eip155:31337"))
    await run(two, order(payment))
    [row] = await two.house.payments()
    authorization = Payment.from_row(row).authorization
    nowhere = Router({})
    assert await nowhere.verify(authorization) == reasons.NETWORK_MISMATCH
    for answer in (
        await nowhere.settle("run_1", authorization),
        await nowhere.outcome("run_1", authorization),
    ):
        assert answer.state is SettlementState.PENDING
