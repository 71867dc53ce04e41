"""Payments by Permit2 (exact and upto) without the chain: digests, terms, and what is settled."""

import os
import random
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from x402.extensions.eip2612_gas_sponsoring.server import declare_eip2612_gas_sponsoring_extension
from x402.extensions.payment_identifier.server import declare_payment_identifier_extension
from x402.mechanisms.evm import constants
from x402.mechanisms.evm.upto import UptoEvmScheme

from base.money import ceil_div
from base.pricing import Quote
from base.usage import Usage
from settlement.chain.permit2 import EXACT_PROXY, PERMIT2, UPTO_PROXY
from settlement.rail import Delivery, Replay
from settlement.x402 import reasons
from settlement.x402.check import Checker, Claim, NotSigned, misfit
from settlement.x402.eip712 import permit2_separator, permit_digest
from settlement.x402.errors import (
    AllowanceRequired,
    PaymentInvalid,
    PaymentMalformed,
    PaymentReused,
    SettlementFailed,
)
from settlement.x402.facilitator import Authorization, Method, Scheme
from settlement.x402.payload import PaymentV2, Permit2Authorization, payment_from
from settlement.x402.payment import Payment
from settlement.x402.sale import Offer, Sale
from tests.unit.settlement.x402.house import (
    CARD,
    MCP,
    PAY_TO,
    QUOTE,
    RESULT,
    SALE,
    USDC,
    USED,
    Chain,
    Clock,
    House,
    Payer,
    challenged,
    granted,
    opened,
    order,
    outcome_of,
    paid_order,
    run,
)

CALLS = int(os.environ.get("BATCHIN_TEST_UPTO_CALLS", "100"))  # of random usage
SETTLER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
OTHER = "0x" + "11" * 20
PERMIT2_SALE = replace(SALE, permit2_settler=SETTLER)
UPTO, EXACT, EXACT_PERMIT2 = PERMIT2_SALE.offers(order())
KEY = Account.create()
NOW_S = 1_800_000_000
ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
TYPES = {
    UPTO.scheme: constants.UPTO_PERMIT2_WITNESS_TYPES,
    EXACT_PERMIT2.scheme: constants.PERMIT2_WITNESS_TYPES,
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, Chain(Clock()), PERMIT2_SALE) as house:
        yield house


def members(offer: Offer, **changes: Any) -> dict[str, Any]:
    upto = offer.scheme is Scheme.UPTO
    witness = {"to": PAY_TO, "validAfter": "0"} | ({"facilitator": SETTLER} if upto else {})
    permit = {
        "from": KEY.address,
        "permitted": {"token": USDC.address, "amount": offer.requirements["amount"]},
        "spender": UPTO_PROXY if upto else EXACT_PROXY,
        "nonce": str(secrets.randbits(256)),
        "deadline": str(NOW_S + SALE.max_timeout_s),
        "witness": witness,
    }
    for path, value in changes.items():
        *parents, name = path.split("__")
        at: dict[str, Any] = permit
        for parent in parents:
            at = at[parent]
        at[name] = value
    return permit


def typed(permit: dict[str, Any]) -> Any:
    """The digest of x402's own typed data, by eth-account."""
    witness = permit["witness"]
    scheme = Scheme.UPTO if "facilitator" in witness else Scheme.EXACT
    message = {
        "permitted": {
            "token": permit["permitted"]["token"],
            "amount": int(permit["permitted"]["amount"]),
        },
        "spender": permit["spender"],
        "nonce": int(permit["nonce"]),
        "deadline": int(permit["deadline"]),
        "witness": {**witness, "validAfter": int(witness["validAfter"])},
    }
    domain = {"name": "Permit2", "chainId": USDC.chain_id, "verifyingContract": PERMIT2}
    return KEY.sign_typed_data(domain, TYPES[scheme], message)


def sent(offer: Offer, permit: dict[str, Any], **extensions: Any) -> PaymentV2:
    payment = payment_from(
        {
            "x402Version": 2,
            "accepted": dict(offer.requirements),
            "payload": {
                "signature": "0x" + typed(permit).signature.hex(),
                "permit2Authorization": permit,
            },
            "extensions": extensions,
        },
        "test",
    )
    assert isinstance(payment, PaymentV2)
    return payment


def claimed(offer: Offer, **changes: Any) -> Claim:
    return Checker(USDC).claim(sent(offer, members(offer, **changes)))


def upto(account: Any) -> Any:
    """The official client, for scheme upto alone."""

    class UptoPayer(Payer):
        async def sign(self, challenge: Any, policy: Any = None) -> Any:
            return await _sign(account, challenge)

    return UptoPayer(account)


async def _sign(account: Any, challenge: Any) -> Any:
    import orjson
    from x402 import x402Client
    from x402.schemas import PaymentRequired

    client = x402Client()
    client.register(USDC.network, UptoEvmScheme(account))
    client.set_spend_controls(False)
    payload = await client.create_payment_payload(PaymentRequired.model_validate(challenge))
    return orjson.loads(payload.model_dump_json(by_alias=True, exclude_none=True))


# --- what is offered


def test_the_offers_of_a_call_cheapest_first() -> None:
    offers = PERMIT2_SALE.offers(order())
    assert [(o.scheme, o.method) for o in offers] == [
        (Scheme.UPTO, Method.PERMIT2),
        (Scheme.EXACT, Method.EIP3009),
        (Scheme.EXACT, Method.PERMIT2),
    ]
    assert {offer.amount_atomic for offer in offers} == {28}
    assert UPTO.requirements["extra"] == {
        "name": "USDC",
        "version": "2",
        "assetTransferMethod": "permit2",
        "facilitatorAddress": SETTLER,
    }


def test_upto_is_offered_where_the_cost_shows_only_afterwards() -> None:
    known = Quote("tiny", CARD, Usage(1000, 0))
    for terms in ({"delivery": Delivery.STREAM}, {"quote": known}):
        assert Scheme.UPTO not in {offer.scheme for offer in PERMIT2_SALE.offers(order(**terms))}
    assert PERMIT2_SALE.offers(order(resource=MCP))[0].scheme is Scheme.UPTO


def test_images_are_paid_before_they_are_made() -> None:
    quote = Quote("flux", replace(CARD, nano_per_image=3_000_000), Usage(images=1))
    assert {offer.flow.value for offer in SALE.offers(order(quote=quote))} == {"upfront"}


async def test_the_extensions_are_declared_as_x402_spells_them(house: House) -> None:
    extensions = (await challenged(house, order()))["extensions"]
    assert extensions["payment-identifier"] == declare_payment_identifier_extension()
    assert (
        extensions["eip2612GasSponsoring"]
        == (declare_eip2612_gas_sponsoring_extension()["eip2612GasSponsoring"])
    )


async def test_a_version_1_client_is_offered_what_it_knows(house: House) -> None:
    signed = await Payer().sign(await challenged(house, order()))
    old = {"x402Version": 1, "scheme": "exact", "network": "base", "payload": signed["payload"]}
    with pytest.raises(PaymentInvalid) as refused:
        await house.rail.authorize(order(old))
    (offer,) = refused.value.body()["accepts"]
    assert (offer["scheme"], offer["extra"]) == ("exact", {"name": "USDC", "version": "2"})


# --- what was signed


@given(
    payer=ADDRESS,
    token=ADDRESS,
    payee=ADDRESS,
    facilitator=st.none() | ADDRESS,
    numbers=st.tuples(*[st.integers(0, 10**18 - 1)] * 3),
    nonce=st.integers(0, 2**256 - 1),
)
def test_the_digest_is_x402s(
    payer: str,
    token: str,
    payee: str,
    facilitator: str | None,
    numbers: tuple[int, int, int],
    nonce: int,
) -> None:
    amount, deadline, after = numbers
    witness = {"to": payee, "validAfter": str(after)}
    permit = {
        "from": payer,
        "permitted": {"token": token, "amount": str(amount)},
        "spender": OTHER,
        "nonce": str(nonce),
        "deadline": str(deadline),
        "witness": witness | ({"facilitator": facilitator} if facilitator else {}),
    }
    separator = permit2_separator(USDC.chain_id, PERMIT2)
    ours = permit_digest(separator, Permit2Authorization.model_validate(permit))
    assert ours == typed(permit).message_hash


@pytest.mark.parametrize("offer", [UPTO, EXACT_PERMIT2], ids=["upto", "exact"])
def test_a_permit_is_read_as_the_facilitator_needs_it(offer: Offer) -> None:
    claim = claimed(offer, nonce="258")
    assert claim.signed
    signed = claim.authorization
    assert (signed.scheme, signed.method) == (offer.scheme, Method.PERMIT2)
    assert (signed.payer, signed.payee, signed.value_atomic) == (KEY.address, PAY_TO, 28)
    assert (int(signed.nonce, 16), signed.facilitator) == (258, offer.facilitator)
    assert misfit(claim, offer, NOW_S, SALE.needed_s) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"witness__to": OTHER}, reasons.RECIPIENT),
        ({"permitted__amount": "27"}, reasons.VALUE),
        ({"permitted__amount": "29"}, reasons.VALUE),
        ({"witness__validAfter": str(NOW_S + 1)}, reasons.VALID_AFTER),
        ({"deadline": str(NOW_S + SALE.needed_s - 1)}, reasons.VALID_BEFORE),
        ({"spender": EXACT_PROXY}, reasons.SPENDER),
        ({"spender": OTHER}, reasons.SPENDER),
        ({"witness__facilitator": OTHER}, reasons.FACILITATOR),
    ],
)
def test_a_permit_must_fit_the_offer_and_the_time(changes: dict[str, str], reason: str) -> None:
    assert misfit(claimed(UPTO, **changes), UPTO, NOW_S, SALE.needed_s) == reason


def test_a_permit_of_one_scheme_pays_no_other() -> None:
    crossed = [(UPTO, EXACT_PERMIT2), (EXACT_PERMIT2, UPTO), (EXACT_PERMIT2, EXACT)]
    for signed_for, offer in crossed:
        permit = members(signed_for)
        claim = Checker(USDC).claim(sent(offer, permit))
        assert misfit(claim, offer, NOW_S, SALE.needed_s) == reasons.NO_MATCH


def test_a_permit_for_another_token_is_none_of_ours() -> None:
    with pytest.raises(NotSigned) as refused:
        claimed(UPTO, permitted__token=OTHER)
    assert refused.value.reason == reasons.TOKEN


@pytest.mark.parametrize("name", ["from", "nonce", "deadline", "spender", "witness__facilitator"])
def test_any_member_changed_after_signing_is_noticed(name: str) -> None:
    permit = members(UPTO)
    signature = "0x" + typed(permit).signature.hex()
    tampered = members(UPTO, nonce=permit["nonce"])
    other = {"from": OTHER, "spender": OTHER, "witness__facilitator": OTHER}.get(name, "7")
    tampered = members(UPTO, **{"nonce": permit["nonce"], name: other})
    payment = sent(UPTO, tampered)
    forged = payment.model_copy(
        update={"payload": payment.payload.model_copy(update={"signature": signature})}
    )
    claim = Checker(USDC).claim(forged)
    assert not claim.signed
    assert claim.refusal == reasons.PERMIT_SIGNATURE


def token_permit(**changes: str) -> dict[str, Any]:
    info = {
        "from": KEY.address,
        "asset": USDC.address,
        "spender": PERMIT2,
        "amount": "28",
        "nonce": "0",
        "deadline": str(NOW_S + SALE.max_timeout_s),
        "signature": "0x" + "11" * 65,
        "version": "1",
        **changes,
    }
    return {"eip2612GasSponsoring": {"info": info}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"from": OTHER}, reasons.APPROVAL_PAYER),
        ({"asset": OTHER}, reasons.APPROVAL_ASSET),
        ({"spender": OTHER}, reasons.APPROVAL_SPENDER),
        ({"amount": "27"}, reasons.APPROVAL_AMOUNT),
        ({"amount": str(10**17)}, reasons.APPROVAL_AMOUNT),
        ({"deadline": str(NOW_S)}, reasons.APPROVAL_EXPIRED),
    ],
)
def test_a_token_permit_must_be_for_this_payment(changes: dict[str, str], reason: str | None) -> None:
    claim = Checker(USDC).claim(sent(UPTO, members(UPTO), **token_permit(**changes)))
    assert claim.authorization.approval is not None
    assert misfit(claim, UPTO, NOW_S, SALE.needed_s) == reason


@pytest.mark.parametrize(
    "changes", [{"signature": "0x11"}, {"amount": "-1"}, {"nonce": "9" * 78}, {"from": "me"}]
)
def test_a_malformed_token_permit_is_named(changes: dict[str, str]) -> None:
    with pytest.raises(PaymentMalformed, match="eip2612GasSponsoring"):
        sent(UPTO, members(UPTO), **token_permit(**changes))


def test_a_declaration_that_is_only_repeated_says_nothing() -> None:
    told = declare_eip2612_gas_sponsoring_extension()
    assert Checker(USDC).claim(sent(UPTO, members(UPTO), **told)).authorization.approval is None


@pytest.mark.parametrize("changes", [{"nonce": "9" * 78}, {"nonce": "-1"}, {"deadline": "1.5"}])
def test_a_malformed_permit_is_named(changes: dict[str, str]) -> None:
    (name,) = changes
    permit = members(UPTO)
    data = {
        "x402Version": 2,
        "accepted": dict(UPTO.requirements),
        "payload": {"signature": "0x11", "permit2Authorization": permit | changes},
    }
    with pytest.raises(PaymentMalformed, match=rf"payload\.permit2Authorization\.{name}"):
        payment_from(data, "test")


# --- what is settled


async def test_upto_moves_what_was_used_and_no_more(house: House) -> None:
    paid = await paid_order(house, upto(KEY))
    answer = await run(house, paid)
    assert not isinstance(answer, Replay)
    assert answer.charged_nano_usd == 1_260
    assert answer.settlement is not None
    assert answer.settlement["amount"] == "2"
    assert answer.credit_nano_usd == 740  # what an atomic unit can't divide is the wallet's
    assert house.chain.received == 2
    (row,) = await house.payments()
    assert (row["scheme"], row["amount_atomic"], row["settles_atomic"]) == ("permit2", 28, 2)
    await house.balanced()


async def test_upto_moves_at_least_the_least_charge(tmp_path: Path) -> None:
    sale = replace(PERMIT2_SALE, min_charge_atomic=20)
    async with opened(tmp_path, Chain(Clock()), sale) as house:
        answer = await run(house, await paid_order(house, upto(KEY)))
        assert not isinstance(answer, Replay)
        assert (house.chain.received, answer.credit_nano_usd) == (20, 20_000 - 1_260)
        await house.balanced()


async def test_upto_never_moves_more_than_was_signed(house: House) -> None:
    """Whatever a run cost, and whatever the least charge has become since it was offered."""
    await run(house, await paid_order(house, upto(KEY)))
    payment = Payment.from_row((await house.payments())[0])
    signed = payment.amount_atomic
    asked = ((1_260, 1), (signed * 1000, 1), (signed * 1000 + 1, 1), (10**15, 1), (0, signed + 1))
    settled = [payment.settles_for(charged, least) for charged, least in asked]
    assert settled == [2, signed, signed, signed, signed]


async def test_a_run_that_cost_nothing_moves_nothing(tmp_path: Path) -> None:
    sale = replace(PERMIT2_SALE, min_charge_atomic=0)
    async with opened(tmp_path, Chain(Clock()), sale) as house:
        paid = await paid_order(house, upto(KEY))
        grant = granted(await house.rail.authorize(paid))
        answer = await grant.capture(outcome_of(paid, Usage()))
        assert answer.settlement is not None
        assert (answer.settlement["amount"], answer.settlement["transaction"]) == ("0", "")
        assert (house.chain.asked, await house.state()) == (0, "settled")
        assert (await house.rail.authorize(paid)) == Replay(paid.run_id, RESULT, answer)
        await house.balanced()


async def test_many_calls_settle_what_each_of_them_used(tmp_path: Path) -> None:
    """max(min_charge, ceil(nano_usd / 1000)) to the atomic unit, for any usage."""
    dice = random.Random(402)
    sale = replace(PERMIT2_SALE, min_charge_atomic=3)
    account, expected = Account.create(), 0
    async with opened(tmp_path, Chain(Clock()), sale) as house:
        for _ in range(CALLS):
            quote = Quote("tiny", CARD, Usage(dice.randrange(1, 5000), dice.randrange(1, 5000)))
            used = Usage(
                dice.randrange(quote.bound.input_tokens + 1),
                dice.randrange(quote.bound.output_tokens + 1),
            )
            paid = await paid_order(house, upto(account), quote=quote)
            grant = granted(await house.rail.authorize(paid))
            answer = await grant.capture(outcome_of(paid, used))
            nano = used.input_tokens * 20 + used.output_tokens * 80
            assert answer.charged_nano_usd == nano
            assert answer.settlement is not None
            assert int(answer.settlement["amount"]) == max(3, ceil_div(nano, 1000))
            expected += max(3, ceil_div(nano, 1000))
        assert house.chain.received == expected
        await house.balanced()


async def test_upto_charges_nothing_for_a_run_that_failed(house: House) -> None:
    paid = await paid_order(house, upto(KEY))
    await granted(await house.rail.authorize(paid)).release()
    assert await house.state() == "none"
    answer = await run(house, paid)
    assert not isinstance(answer, Replay)
    assert house.chain.received == 2


async def test_one_nonce_of_permit2_pays_once_whatever_the_scheme(house: House) -> None:
    """Permit2 has one space of nonces for both proxies."""
    nonce = str(secrets.randbits(256))
    deadline = str(int(house.clock.now_ms() / 1000) + SALE.max_timeout_s)
    both = []
    for offer in (UPTO, EXACT_PERMIT2):
        permit = members(offer, nonce=nonce, deadline=deadline)
        payload = {"signature": "0x" + typed(permit).signature.hex(), "permit2Authorization": permit}
        both.append({"x402Version": 2, "accepted": dict(offer.requirements), "payload": payload})
    await run(house, order(both[0]))
    with pytest.raises(PaymentReused):
        await house.rail.authorize(order(both[1]))


async def test_no_result_leaves_when_the_payer_drained_its_wallet(house: House) -> None:
    paid = await paid_order(house, upto(KEY))
    grant = granted(await house.rail.authorize(paid))
    house.chain.mood = "refuse"
    with pytest.raises(SettlementFailed):
        await grant.capture(outcome_of(paid, USED))
    assert (house.chain.received, await house.state()) == (0, "failed")
    await house.balanced()


async def test_a_wallet_that_never_approved_permit2_is_told_how(house: House) -> None:
    paid = await paid_order(house, upto(KEY))
    house.chain.verdict = reasons.ALLOWANCE
    with pytest.raises(AllowanceRequired) as refused:
        await house.rail.authorize(paid)
    assert (refused.value.status, refused.value.code) == (412, "permit2_allowance_required")
    assert "eip2612GasSponsoring" in refused.value.resolution
    assert await house.state() == "none"


async def test_what_was_done_before_a_crash_is_settled_as_it_was_charged(tmp_path: Path) -> None:
    """A later least charge, or a later price, does not change what moves."""
    chain = Chain(Clock())
    async with opened(tmp_path, chain, PERMIT2_SALE) as house:
        paid = await paid_order(house, upto(KEY))
        grant = granted(await house.rail.authorize(paid))
        chain.mood = "drop"
        chain.fuse.left = 2  # done is committed, and then the process dies
        with pytest.raises(BaseException):  # noqa: B017, PT011 - Killed
            await grant.capture(outcome_of(paid))
    chain.fuse.left, chain.fuse.dead, chain.mood = None, False, "mine"
    later = Sale(USDC, PAY_TO, min_charge_atomic=25, run_s=60, permit2_settler=SETTLER)
    async with opened(tmp_path, chain, later) as house:
        await house.rail.recovery.reconcile()
        assert (chain.received, await house.state()) == (2, "settled")
        await house.balanced()


async def test_a_contract_is_asked_whether_it_signed(house: House) -> None:
    asked: list[tuple[str, bytes, bytes]] = []

    class Wallets:
        async def signed(self, network: str, payer: str, digest: bytes, signature: bytes) -> bool:
            asked.append((payer, digest, signature))
            return payer.lower() == contract

    contract = "0x" + "c0" * 20
    house.rail.wallets = Wallets()
    deadline = str(int(house.clock.now_ms() / 1000) + SALE.max_timeout_s)

    def payment(payer: str, **changes: Any) -> dict[str, Any]:
        permit = members(UPTO, **{"from": payer, "deadline": deadline, **changes})
        payload = {"signature": "0x" + "ab" * 96, "permit2Authorization": permit}
        return {"x402Version": 2, "accepted": dict(UPTO.requirements), "payload": payload}

    await run(house, order(payment(contract)))
    assert house.chain.received == 2
    with pytest.raises(PaymentInvalid) as refused:
        await house.rail.authorize(order(payment(OTHER)))
    assert refused.value.reason == reasons.PERMIT_SIGNATURE
    assert [signature for _, _, signature in asked] == [b"\xab" * 96] * 2
    with pytest.raises(PaymentInvalid):  # what does not fit anyway is no question to the chain
        await house.rail.authorize(order(payment(contract, witness__to=OTHER)))
    assert len(asked) == 2


def test_the_authorization_moves_all_or_what_it_is_told() -> None:
    signed = claimed(UPTO).authorization
    assert (signed.moves_atomic, replace(signed, settles_atomic=0).moves_atomic) == (28, 0)
    assert isinstance(signed, Authorization)
    assert QUOTE.max_nano_usd == 28_000
