"""What a challenge asks, and that the official client reads it."""

from typing import Any

import pytest
from x402.http.utils import decode_payment_required_header
from x402.schemas.v1 import PaymentRequiredV1

from base.pricing import PriceCard, Quote
from base.usage import Usage
from settlement.rail import Delivery
from settlement.x402.errors import PaymentInvalid, PaymentRequired, PaymentReused, SettlementPending
from settlement.x402.sale import Sale
from tests.unit.settlement.x402.house import (
    CARD,
    HTTP,
    MCP,
    PAY_TO,
    SALE,
    USDC,
    House,
    Payer,
    challenged,
    order,
    paid_order,
)


async def _unpaid(house: House, **terms: Any) -> PaymentRequired:
    with pytest.raises(PaymentRequired) as asked:
        await house.rail.authorize(order(**terms))
    return asked.value


async def test_an_unpaid_call_is_told_what_to_sign(house: House) -> None:
    error = await _unpaid(house)
    assert (error.status, error.code, error.retryable) == (402, "payment_required", False)
    assert error.headers["Cache-Control"] == "no-store"
    assert "0.000028 USD" in error.message
    assert error.body()["error"]["code"] == "payment_required"
    sent = decode_payment_required_header(error.headers["PAYMENT-REQUIRED"])
    assert sent.model_dump(by_alias=True, exclude_none=True) == error.challenge
    assert error.challenge["resource"] == {
        "url": HTTP.url,
        "description": HTTP.description,
        "mimeType": "application/json",
    }
    assert error.challenge["accepts"] == [
        {
            "scheme": "exact",
            "network": "eip155:31337",
            "amount": "28",
            "asset": USDC.address,
            "payTo": PAY_TO,
            "maxTimeoutSeconds": 180,
            "extra": {"name": "USDC", "version": "2"},
        }
    ]


async def test_a_stream_is_asked_to_be_paid_first(house: House) -> None:
    challenge = await challenged(house, order(delivery=Delivery.STREAM))
    assert [entry["extra"]["paymentFlow"] for entry in challenge["accepts"]] == ["upfront"]
    challenge = await challenged(house, order(delivery=Delivery.STREAM, resource=MCP))
    assert [entry["extra"]["paymentFlow"] for entry in challenge["accepts"]] == ["upfront"]


@pytest.mark.parametrize(
    ("nano", "atomic"), [(0, 10), (1, 10), (9_999, 10), (10_001, 11), (10**9, 10**6)]
)
def test_the_amount_covers_the_quote_and_the_least_charge(nano: int, atomic: int) -> None:
    sale = Sale(USDC, PAY_TO, min_charge_atomic=10, run_s=60)
    quote = Quote("tiny", PriceCard("v", nano * 1_000_000, 0), Usage(1, 0))
    (offer,) = sale.offers(order(quote=quote))
    assert offer.amount_atomic == atomic
    assert sale.price(nano)["amount"] == str(atomic)


def test_the_window_covers_the_call_and_its_settlement() -> None:
    assert SALE.max_timeout_s - SALE.run_s >= 60
    assert SALE.run_s < SALE.needed_s < SALE.max_timeout_s


async def test_a_refused_payment_is_told_why_and_what_to_sign_instead(
    house: House, payer: Payer
) -> None:
    paid = await paid_order(house, payer)
    dearer = Quote("tiny", CARD, Usage(9_999, 100))
    with pytest.raises(PaymentInvalid) as refused:
        await house.rail.authorize(order(paid.payment, quote=dearer))
    assert refused.value.code == "payment_invalid"
    sent = decode_payment_required_header(refused.value.headers["PAYMENT-REQUIRED"])
    assert sent.error == "No matching payment requirements"
    assert sent.accepts[0].get_amount() == "208"


async def test_a_version_1_client_is_answered_in_its_own_body(house: House, payer: Payer) -> None:
    signed = (await paid_order(house, payer)).payment
    assert signed is not None
    old = {"x402Version": 1, "scheme": "exact", "network": "base", "payload": signed["payload"]}
    with pytest.raises(PaymentInvalid) as refused:
        await house.rail.authorize(order(old))
    body = PaymentRequiredV1.model_validate(refused.value.body())
    assert body.error == "network_mismatch"
    assert body.accepts[0].max_amount_required == "28"
    assert body.accepts[0].resource == HTTP.url


def test_a_payment_in_flight_is_never_asked_for_again() -> None:
    for error in (PaymentReused("in flight"), SettlementPending("run_1")):
        assert error.retryable is False
        assert not hasattr(error, "challenge")
        assert "PAYMENT-REQUIRED" not in error.headers
