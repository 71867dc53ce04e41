"""The receipt: what the payer cites or disputes, signed after settlement by the key of its record."""

from collections.abc import Mapping
from typing import Any, Final

from settlement.evidence.signed import PaymentFacts
from settlement.evidence.spelling import (
    VERIFICATION_METHOD,
    hash_text,
    number,
    public_key_text,
    signature_text,
)

RECEIPT_TYPE: Final = "batchin/receipt/v1"
COPIED: Final = (
    "record_id",
    "run_id",
    "tool",
    "model",
    "served_model",
    "usage",
    "price",
    "quoted_max_nano_usd",
    "rail",
    "network",
    "asset",
    "payer",
    "payee",
    "nonce",
    "status",
    "agent_registry",
    "agent_id",
    "environment",
    "energy",
)
"""Members that a receipt repeats from the payload of its evidence, word for word; ``energy`` stands only
where it is known."""


def receipt_payload(
    evidence: Mapping[str, Any], evidence_hash: str, payment: PaymentFacts, issued_at_ms: int
) -> dict[str, Any]:
    """``evidence`` is the payload of the record; ``evidence_hash`` its ``payload_hash``."""
    return {
        "type": RECEIPT_TYPE,
        **{name: evidence[name] for name in COPIED if name in evidence},
        "evidence_hash": evidence_hash,
        "request_hash": evidence["input_hash"],
        "response_hash": evidence["output_hash"],
        "charged_nano_usd": number(payment.charged_nano_usd),
        "settled_atomic": number(payment.settled_atomic),
        "credit_nano_usd": number(payment.credit_nano_usd),
        "transaction": payment.transaction,
        "issued_at_ms": issued_at_ms,
    }


def receipt_wire(
    payload: Mapping[str, Any],
    digest: bytes,
    public_key: bytes,
    key_id: str,
    signature: bytes,
    record_signature: bytes,
) -> dict[str, Any]:
    """The ``receipt`` member of a bundle. ``digest`` is SHA-256 of the payload's canonical form."""
    return {
        "record_id": payload["record_id"],
        "run_id": payload["run_id"],
        "request_hash": payload["request_hash"],
        "response_hash": payload["response_hash"],
        "record_signature": signature_text(record_signature),
        "verification_method": VERIFICATION_METHOD,
        "public_key": public_key_text(public_key),
        "key_id": key_id,
        "receipt_hash": hash_text(digest),
        "receipt_signature": signature_text(signature),
        "receipt_payload": payload,
    }
