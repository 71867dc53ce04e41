"""Read the payment headers of HTTP: PAYMENT-SIGNATURE (x402 version 2) and X-PAYMENT (version 1)."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import orjson

from settlement.x402.errors import PaymentMalformed
from settlement.x402.payload import payment_from

MAX_HEADER_BYTES: Final = 16 * 1024
V2_HEADER: Final = "PAYMENT-SIGNATURE"
V1_HEADER: Final = "X-PAYMENT"


def payment_from_headers(
    payment_signature: str | None, x_payment: str | None
) -> Mapping[str, Any] | None:
    """The payment that a request carries, None without one.

    Raises PaymentMalformed (400, naming the header) for more than 16 KiB, for what is not base64 of a
    JSON object, for members of a wrong type, and for both headers at once.
    """
    if payment_signature is not None and x_payment is not None:
        raise PaymentMalformed(f"{V2_HEADER} and {V1_HEADER} stand both; send one.", param=V2_HEADER)
    if payment_signature is not None:
        return _payment(payment_signature, V2_HEADER)
    return None if x_payment is None else _payment(x_payment, V1_HEADER)


def _payment(value: str, header: str) -> Mapping[str, Any]:
    if len(value) > MAX_HEADER_BYTES:
        raise PaymentMalformed(f"{header} is longer than {MAX_HEADER_BYTES} bytes.", param=header)
    try:
        data = orjson.loads(base64.b64decode(value.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise PaymentMalformed(f"{header} is not base64 of a JSON object.", param=header) from None
    if not isinstance(data, dict):
        raise PaymentMalformed(f"{header} is not base64 of a JSON object.", param=header)
    payment_from(data, header)
    return data
