"""Only what Stripe signed, now, is heard; what it says becomes an event."""

import time
from typing import Any

import orjson
import pytest
import stripe

from base.errors import InvalidRequest
from settlement.topups.order import Disputed, Paid, Refunded
from settlement.topups.stripe_checkout import StripeCheckout

SECRET = "whsec_test"
CHECKOUT = StripeCheckout("sk_test_none", SECRET, "https://agents.example/", "http://127.0.0.1:1")


def message(kind: str, **told: Any) -> bytes:
    return orjson.dumps(
        {"id": "evt_1", "object": "event", "type": kind, "data": {"object": {"id": "x_1", **told}}}
    )


COMPLETED = {
    "id": "cs_1",
    "mode": "payment",
    "payment_status": "paid",
    "client_reference_id": "order-1",
    "payment_intent": "pi_1",
    "currency": "usd",
    "amount_total": 5_000,
}
BODY = message("checkout.session.completed", **COMPLETED)


def signed(body: bytes, secret: str = SECRET, at: int | None = None) -> str:
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return str(header)


async def test_a_completed_checkout_is_a_payment() -> None:
    told = await CHECKOUT.event(BODY, signed(BODY))
    assert told == Paid("order-1", "cs_1", "pi_1", "usd", 5_000)


@pytest.mark.parametrize(
    ("kind", "told", "event"),
    [
        (
            "checkout.session.async_payment_succeeded",
            COMPLETED,
            Paid("order-1", "cs_1", "pi_1", "usd", 5_000),
        ),
        ("checkout.session.completed", {**COMPLETED, "payment_status": "unpaid"}, None),
        ("checkout.session.completed", {**COMPLETED, "client_reference_id": None}, None),
        ("checkout.session.completed", {**COMPLETED, "mode": "subscription"}, None),
        ("charge.refunded", {"payment_intent": "pi_1", "amount_refunded": 70}, Refunded("pi_1", 70)),
        (
            "charge.dispute.funds_withdrawn",
            {"id": "dp_1", "payment_intent": "pi_1", "amount": 70},
            Disputed("pi_1", "dp_1", 70, returned=False),
        ),
        (
            "charge.dispute.funds_reinstated",
            {"id": "dp_1", "payment_intent": "pi_1", "amount": 70},
            Disputed("pi_1", "dp_1", 70, returned=True),
        ),
        ("customer.created", {}, None),
    ],
)
async def test_what_a_message_means(kind: str, told: dict[str, Any], event: object) -> None:
    body = message(kind, **told)
    assert await CHECKOUT.event(body, signed(body)) == event


FORGED: dict[str, tuple[bytes, str | None]] = {
    "no signature": (BODY, None),
    "an empty one": (BODY, ""),
    "not a signature": (BODY, "hello"),
    "another secret": (BODY, signed(BODY, "whsec_other")),
    "another body": (BODY.replace(b"5000", b"9000"), signed(BODY)),
    "an old one": (BODY, signed(BODY, at=int(time.time()) - 3_600)),
    "one of tomorrow": (BODY, signed(BODY, at=int(time.time()) + 86_400)),
    "another scheme": (BODY, signed(BODY).replace("v1=", "v0=")),
    "not UTF-8": (BODY + b"\xff", signed(BODY)),
    "a time that is none": (BODY, signed(BODY).replace("t=", "t=x")),
}


@pytest.mark.parametrize(("body", "signature"), FORGED.values(), ids=FORGED)
async def test_what_stripe_did_not_sign_is_refused(body: bytes, signature: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await CHECKOUT.event(body, signature)
    assert caught.value.param == "Stripe-Signature"


def test_its_keys_are_not_shown() -> None:
    assert SECRET not in repr(CHECKOUT)
    assert "sk_test_none" not in repr(CHECKOUT)
