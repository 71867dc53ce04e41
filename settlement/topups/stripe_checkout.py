"""Top-ups by card: Stripe Checkout, and the webhook that tells what was paid.

The library blocks and loads slowly: it is imported at the first use and runs in threads. Amounts are
US cents. Not yet run against the live service, only against its library and its documented messages.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio.to_thread
import orjson

from base.errors import InvalidRequest, ServiceUnavailable
from settlement.topups.order import Disputed, Event, Order, Paid, Refunded

SOURCE: Final = "stripe"
CURRENCY: Final = "usd"
_TOLERANCE_S: Final = 300
_PAID: Final = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
_DISPUTES: Final = {
    "charge.dispute.funds_withdrawn": False,
    "charge.dispute.funds_reinstated": True,
}


@dataclass(frozen=True, slots=True)
class Session:
    """A page where an order is paid."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class StripeCheckout:
    """``return_url`` is where people come back to; ``api_base`` is Stripe's API."""

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    return_url: str
    api_base: str

    async def session(self, order: Order) -> Session:
        """Have a checkout page made for an order. Raises ServiceUnavailable when Stripe makes none."""
        return await anyio.to_thread.run_sync(self._session, order)

    async def event(self, body: bytes, signature: str | None) -> Event | None:
        """What a webhook tells; None when it is nothing that moves money here.

        Raises InvalidRequest for what Stripe did not sign, and for times that are not now.
        """
        await anyio.to_thread.run_sync(self._verify, body, signature)
        return _event(orjson.loads(body))

    def _session(self, order: Order) -> Session:
        import stripe

        client = stripe.StripeClient(self.secret_key, base_addresses={"api": self.api_base})
        try:
            made = client.v1.checkout.sessions.create(
                params={
                    "mode": "payment",
                    "client_reference_id": order.id,
                    "metadata": {"order": order.id},
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": CURRENCY,
                                "unit_amount": order.amount_minor,
                                "product_data": {"name": "Credit"},
                            },
                        }
                    ],
                    "success_url": self.return_url,
                    "cancel_url": self.return_url,
                },
                options={"idempotency_key": order.id},
            )
        except stripe.StripeError as error:
            kind = type(error).__name__
            raise ServiceUnavailable(f"Stripe made no checkout ({kind}).", retry_after_s=5) from None
        if made.url is None:
            raise ServiceUnavailable("Stripe made no checkout.", retry_after_s=5)
        return Session(made.id, made.url)

    def _verify(self, body: bytes, signature: str | None) -> None:
        import stripe

        try:
            text = body.decode()
            stripe.WebhookSignature.verify_header(text, signature, self.webhook_secret, _TOLERANCE_S)
        except (stripe.SignatureVerificationError, ValueError):
            raise _forged() from None
        # The library takes times in the future, with which a captured message could be kept for later.
        signed_at = next(part[2:] for part in str(signature).split(",") if part.startswith("t="))
        if int(signed_at) > time.time() + _TOLERANCE_S:
            raise _forged()


def _event(message: Mapping[str, Any]) -> Event | None:
    kind, told = message["type"], message["data"]["object"]
    if kind in _PAID:
        if told.get("payment_status") != "paid" or told.get("mode") != "payment":
            return None
        order_id = told.get("client_reference_id")
        if not order_id:
            return None  # a checkout of something else that this account sells
        return Paid(
            order_id=str(order_id),
            session_id=str(told["id"]),
            payment_id=str(told.get("payment_intent") or ""),
            currency=str(told["currency"]),
            amount_minor=int(told["amount_total"]),
        )
    payment_id = str(told.get("payment_intent") or "")
    if kind == "charge.refunded":
        return Refunded(payment_id, int(told["amount_refunded"]))
    if kind in _DISPUTES:
        return Disputed(payment_id, str(told["id"]), int(told["amount"]), _DISPUTES[kind])
    return None


def _forged() -> InvalidRequest:
    return InvalidRequest(
        "The signature does not fit.",
        param="Stripe-Signature",
        resolution="Only Stripe calls this address; check the webhook secret of the settings.",
    )
