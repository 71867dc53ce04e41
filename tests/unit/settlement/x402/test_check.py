"""Checks of a payment without the chain: the signature, the terms, the window."""

from typing import Any

import pytest
from coincurve import PrivateKey
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from x402.mechanisms.evm import constants
from x402.mechanisms.evm.eip712 import hash_eip3009_authorization
from x402.mechanisms.evm.types import ExactEIP3009Authorization
from x402.mechanisms.evm.utils import normalize_address

from settlement.x402 import reasons
from settlement.x402.check import Checker, Claim, NotSigned, misfit, offer_taken
from settlement.x402.eip712 import (
    checksum_address,
    domain_separator,
    plain_signature,
    signer_of,
    transfer_digest,
)
from settlement.x402.payload import Eip3009, PaymentV2, payment_from
from tests.unit.settlement.x402.house import SALE, USDC, order

KEY = Account.create()
NOW_S = 1_800_000_000
ORDER_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
(OFFER,) = SALE.offers(order())
ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())


def authorization(**members: str) -> dict[str, str]:
    return {
        "from": KEY.address,
        "to": SALE.pay_to,
        "value": "28",
        "validAfter": "0",
        "validBefore": str(NOW_S + SALE.max_timeout_s),
        "nonce": "0x" + "Cd" * 32,
        **members,
    }


def digest_of(members: dict[str, str]) -> bytes:
    separator = domain_separator(USDC.name, USDC.version, USDC.chain_id, USDC.address)
    return transfer_digest(separator, Eip3009.model_validate(members))


def payment(members: dict[str, str], signature: bytes, **accepted: Any) -> PaymentV2:
    sent = {
        "x402Version": 2,
        "accepted": {**OFFER.requirements, **accepted},
        "payload": {"signature": "0x" + signature.hex(), "authorization": members},
    }
    read = payment_from(sent, "test")
    assert isinstance(read, PaymentV2)
    return read


def signed(members: dict[str, str], **accepted: Any) -> PaymentV2:
    signature = KEY.unsafe_sign_hash(digest_of(members)).signature
    return payment(members, bytes(signature), **accepted)


def claimed(**members: str) -> Claim:
    return Checker(USDC).claim(signed(authorization(**members)))


@given(
    payer=ADDRESS,
    payee=ADDRESS,
    value=st.integers(0, 10**18 - 1),
    after=st.integers(0, 10**18 - 1),
    before=st.integers(0, 10**18 - 1),
    nonce=st.binary(min_size=32, max_size=32),
)
def test_the_digest_is_x402s(
    payer: str, payee: str, value: int, after: int, before: int, nonce: bytes
) -> None:
    theirs = ExactEIP3009Authorization(
        payer, payee, str(value), str(after), str(before), "0x" + nonce.hex()
    )
    assert digest_of(
        {
            "from": payer,
            "to": payee,
            "value": str(value),
            "validAfter": str(after),
            "validBefore": str(before),
            "nonce": "0x" + nonce.hex(),
        }
    ) == hash_eip3009_authorization(theirs, USDC.chain_id, USDC.address, USDC.name, USDC.version)


@given(ADDRESS)
def test_addresses_are_spelled_as_in_eip_55(address: str) -> None:
    assert checksum_address(address) == normalize_address(address)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32).filter(any))
def test_the_signer_is_found(digest: bytes, secret: bytes) -> None:
    key = PrivateKey(secret)
    signature = plain_signature(key.sign_recoverable(digest, hasher=None))
    assert signature is not None
    assert signer_of(digest, signature) == Account.from_key(secret).address.lower()


@given(st.binary(min_size=65, max_size=65))
def test_no_signature_breaks_the_check(signature: bytes) -> None:
    assert not Checker(USDC).claim(payment(authorization(), signature)).signed


def test_a_signed_payment_is_read_as_the_facilitator_needs_it() -> None:
    assert claimed().signed
    claim = claimed().authorization
    assert (claim.payer, claim.payee) == (KEY.address, SALE.pay_to)
    assert (claim.asset, claim.network) == (USDC.address, USDC.network)
    assert claim.nonce == "0x" + "cd" * 32
    assert len(claim.signature) == 65


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("from", "0x" + "11" * 20),
        ("to", "0x" + "11" * 20),
        ("value", "29"),
        ("validAfter", "1"),
        ("validBefore", str(NOW_S + 10**6)),
        ("nonce", "0x" + "ce" * 32),
    ],
)
def test_any_member_changed_after_signing_is_noticed(member: str, value: str) -> None:
    tampered = authorization(**{member: value})
    signature = KEY.unsafe_sign_hash(digest_of(authorization())).signature
    claim = Checker(USDC).claim(payment(tampered, bytes(signature)))
    assert not claim.signed
    assert claim.refusal == constants.ERR_INVALID_SIGNATURE


def test_one_signature_has_one_spelling() -> None:
    """(r, n - s) with the other parity recovers the same key; the token's library refuses it (EIP-2)."""
    signature = bytes(KEY.unsafe_sign_hash(digest_of(authorization())).signature)
    s = ORDER_N - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + s.to_bytes(32, "big") + bytes((55 - signature[64],))
    assert not Checker(USDC).claim(payment(authorization(), twin)).signed
    zero_based = signature[:64] + bytes((signature[64] - 27,))
    assert Checker(USDC).claim(payment(authorization(), zero_based)).authorization.signature == signature


@pytest.mark.parametrize(
    ("accepted", "reason"),
    [
        ({"scheme": "deferred"}, reasons.UNSUPPORTED_SCHEME),
        ({"network": "eip155:1"}, reasons.NETWORK_MISMATCH),
    ],
)
def test_another_scheme_or_network_is_named(accepted: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotSigned) as refused:
        Checker(USDC).claim(signed(authorization(), **accepted))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "accepted",
    [
        {"amount": "1"},
        {"payTo": "0x" + "11" * 20},
        {"asset": "0x" + "11" * 20},
        {"maxTimeoutSeconds": 10**6},
        {"extra": {"name": "USDC", "version": "2", "paymentFlow": "upfront"}},
        {"extra": {"name": "USDC"}},
    ],
)
def test_what_is_accepted_must_be_what_is_offered(accepted: dict[str, Any]) -> None:
    assert offer_taken(signed(authorization()), [OFFER]) is OFFER
    assert offer_taken(signed(authorization(), **accepted), [OFFER]) is None


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, None),
        ({"to": "0x" + "11" * 20}, constants.ERR_RECIPIENT_MISMATCH),
        ({"value": "27"}, constants.ERR_AUTHORIZATION_VALUE_MISMATCH),
        ({"value": "29"}, constants.ERR_AUTHORIZATION_VALUE_MISMATCH),
        ({"validAfter": str(NOW_S + 1)}, constants.ERR_VALID_AFTER_FUTURE),
        ({"validAfter": str(NOW_S)}, None),
        ({"validBefore": str(NOW_S + SALE.needed_s)}, None),
        ({"validBefore": str(NOW_S + SALE.needed_s - 1)}, constants.ERR_VALID_BEFORE_EXPIRED),
        ({"validBefore": str(NOW_S - 1)}, constants.ERR_VALID_BEFORE_EXPIRED),
    ],
)
def test_an_authorization_must_fit_the_offer_and_the_time(
    members: dict[str, str], reason: str | None
) -> None:
    assert misfit(claimed(**members), OFFER, NOW_S, SALE.needed_s) == reason


def test_a_wallet_that_is_not_deployed_pays_nothing() -> None:
    factory = b"\x11" * 96 + constants.ERC6492_MAGIC_VALUE
    with pytest.raises(NotSigned) as refused:
        Checker(USDC).claim(payment(authorization(), factory))
    assert refused.value.reason == constants.ERR_FACTORY_NOT_ALLOWED


def test_the_reasons_are_x402s() -> None:
    named = (
        reasons.UNSUPPORTED_SCHEME,
        reasons.NETWORK_MISMATCH,
        reasons.SIGNATURE,
        reasons.RECIPIENT,
        reasons.VALUE,
        reasons.VALID_AFTER,
        reasons.VALID_BEFORE,
        reasons.NONCE_USED,
        reasons.BALANCE,
        reasons.ALLOWANCE,
        reasons.SPENDER,
        reasons.TOKEN,
        reasons.FACILITATOR,
        reasons.PERMIT_SIGNATURE,
        reasons.UNDEPLOYED,
    )
    assert set(named) <= {value for name, value in vars(constants).items() if name.startswith("ERR_")}
