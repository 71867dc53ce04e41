"""The x402 extensions that a challenge declares (x402 specs/extensions)."""

from collections.abc import Mapping
from typing import Any, Final

BAZAAR: Final = "bazaar"
EIP2612: Final = "eip2612GasSponsoring"
IDENTIFIER: Final = "payment-identifier"

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_ADDRESS: Final = "^0x[a-fA-F0-9]{40}$"
_DIGITS: Final = "^[0-9]+$"


def _member(pattern: str, description: str) -> dict[str, str]:
    return {"type": "string", "pattern": pattern, "description": description}


_PERMIT: Final = {
    "from": _member(_ADDRESS, "The address of the sender."),
    "asset": _member(_ADDRESS, "The address of the ERC-20 token contract."),
    "spender": _member(_ADDRESS, "The address of the spender (Canonical Permit2)."),
    "amount": _member(_DIGITS, "The amount to approve (uint256)."),
    "nonce": _member(_DIGITS, "The current EIP-2612 nonce of the sender."),
    "deadline": _member(_DIGITS, "The timestamp at which the signature expires."),
    "signature": _member(
        "^0x[a-fA-F0-9]+$", "The 65-byte concatenated signature (r, s, v) as a hex string."
    ),
    "version": _member(r"^[0-9]+(\.[0-9]+)*$", "Schema version identifier."),
}
GAS_SPONSORING: Final[Mapping[str, Any]] = {
    "info": {
        "description": "The facilitator accepts EIP-2612 gasless Permit to Permit2 canonical contract.",
        "version": "1",
    },
    "schema": {
        "$schema": _DRAFT,
        "type": "object",
        "properties": _PERMIT,
        "required": list(_PERMIT),
    },
}
PAYMENT_IDENTIFIER: Final[Mapping[str, Any]] = {
    "info": {"required": False},
    "schema": {
        "$schema": _DRAFT,
        "type": "object",
        "properties": {
            "required": {"type": "boolean"},
            "id": {
                "type": "string",
                "minLength": 16,
                "maxLength": 128,
                "pattern": "^[a-zA-Z0-9_-]+$",
            },
        },
        "required": ["required"],
    },
}
