"""The x402 payment of an HTTP request, as its headers carry it."""

from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

from base.errors import BatchinError
from server.web.request import Head
from settlement.x402.decode import payment_from_headers
from settlement.x402.errors import PaymentRequired

_V2 = b"payment-signature"
_V1 = b"x-payment"


def payment_of(head: Head) -> Mapping[str, Any] | None:
    """None without one. Raises PaymentMalformed."""
    headers = head.headers
    if _V2 not in headers and _V1 not in headers:
        return None
    return payment_from_headers(head.text(_V2), head.text(_V1))


def as_understood(error: BatchinError, scope: Scope) -> BatchinError:
    """The error in the version of x402 that the client speaks: one of version 1 sends ``X-PAYMENT``, or
    asks with ``?x402=1``, since it can't read the header of version 2."""
    if isinstance(error, PaymentRequired) and _speaks_v1(scope):
        error.speak_v1()
    return error


def _speaks_v1(scope: Scope) -> bool:
    asks = b"x402=1" in scope["query_string"].split(b"&")
    return asks or any(name == _V1 for name, _ in scope["headers"])


def no_payment(_: Head) -> None:
    """Where x402 is off: payment headers mean nothing."""
