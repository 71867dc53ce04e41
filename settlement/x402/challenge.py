"""The x402 challenge: what is asked, for what, and how it travels (x402 transports-v2/http)."""

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson

from base.resource import Resource
from base.signers import SignerUnavailable
from settlement.x402.extensions import (
    BAZAAR,
    EIP2612,
    GAS_SPONSORING,
    IDENTIFIER,
    PAYMENT_IDENTIFIER,
)
from settlement.x402.facilitator import Method
from settlement.x402.networks import v1_name
from settlement.x402.sale import Offer
from settlement.x402.statements import OFFER_RECEIPT, Statements

V2_CHALLENGE: Final = "PAYMENT-REQUIRED"
_HEADER_BYTES: Final = 9_000  # 12,000 as base64


async def challenge_of(
    resource: Resource, offers: Sequence[Offer], error: str, statements: Statements | None = None
) -> Mapping[str, Any]:
    """The PaymentRequired of x402 version 2; ``error`` is the x402 reason, or what is missing.
    ``statements`` sign what is offered."""
    challenge: dict[str, Any] = {
        "x402Version": 2,
        "error": error,
        "resource": {
            "url": resource.url,
            "description": resource.description,
            "mimeType": resource.mime_type,
        },
        "accepts": [offer.requirements for offer in offers],
    }
    challenge["extensions"] = _extensions(resource, offers)
    if statements is not None:
        with suppress(SignerUnavailable):  # an offer can be taken without its signature
            signed = await statements.offers(resource.url, challenge["accepts"])
            challenge["extensions"][OFFER_RECEIPT] = signed
    return challenge


def challenge_headers(challenge: Mapping[str, Any]) -> Mapping[str, str]:
    """The headers of a 402: the challenge is one payer's and one body's, so no cache may keep it.

    Node takes 16 KiB of headers in all: from a long challenge the signed offers are left out, then the
    discovery. The whole one travels over MCP.
    """
    return {
        V2_CHALLENGE: base64.b64encode(_fitting(challenge)).decode("ascii"),
        "Cache-Control": "no-store",
    }


def _fitting(challenge: Mapping[str, Any]) -> bytes:
    raw, extensions = orjson.dumps(challenge), challenge.get("extensions", {})
    for unneeded in (OFFER_RECEIPT, BAZAAR):
        if len(raw) > _HEADER_BYTES:
            extensions = {name: value for name, value in extensions.items() if name != unneeded}
            raw = orjson.dumps({**challenge, "extensions": extensions})
    return raw


def v1_body(challenge: Mapping[str, Any]) -> dict[str, Any]:
    """The same challenge as a version 1 client reads it: from the body of the 402."""
    resource = challenge["resource"]
    return {
        "x402Version": 1,
        "error": challenge["error"],
        "accepts": [
            _v1_requirements(accepted, resource)
            for accepted in challenge["accepts"]
            if "assetTransferMethod" not in accepted["extra"]
        ],
    }


def _extensions(resource: Resource, offers: Sequence[Offer]) -> dict[str, Any]:
    extensions: dict[str, Any] = {IDENTIFIER: PAYMENT_IDENTIFIER}
    if any(offer.method is Method.PERMIT2 for offer in offers):
        extensions[EIP2612] = GAS_SPONSORING
    if resource.discovery is not None:
        extensions[BAZAAR] = resource.discovery
    return extensions


def _v1_requirements(accepted: Mapping[str, Any], resource: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "scheme": accepted["scheme"],
        "network": v1_name(accepted["network"]),
        "maxAmountRequired": accepted["amount"],
        "resource": resource["url"],
        "description": resource["description"],
        "mimeType": resource["mimeType"],
        "payTo": accepted["payTo"],
        "maxTimeoutSeconds": accepted["maxTimeoutSeconds"],
        "asset": accepted["asset"],
        "extra": accepted["extra"],
    }
