"""The x402 payment of an HTTP request, as its headers carry it."""

from collections.abc import Mapping
from typing import Any

from server.web.request import Head
from settlement.x402.decode import payment_from_headers

_V2 = b"payment-signature"
_V1 = b"x-payment"


def payment_of(head: Head) -> Mapping[str, Any] | None:
    """None without one. Raises PaymentMalformed."""
    headers = head.headers
    if _V2 not in headers and _V1 not in headers:
        return None
    return payment_from_headers(head.text(_V2), head.text(_V1))


def no_payment(_: Head) -> None:
    """Where x402 is off: payment headers mean nothing."""
