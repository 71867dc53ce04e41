"""A signed statement: an evidence record or a receipt, as bytes and in wire form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Signed:
    """``payload`` is the canonical JSON that was signed, ``digest`` its SHA-256, ``signature`` the 64
    bytes of Ed25519 over it by ``public_key``, ``wire`` the member of a bundle (``evidence`` or
    ``receipt``)."""

    run_id: str
    payload: bytes
    digest: bytes
    signature: bytes
    key_id: str
    public_key: bytes
    wire: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """What a receipt tells beside the evidence: what was charged and how it was settled.

    ``settled_atomic`` is what moved on chain (0 on other rails), ``credit_nano_usd`` what of it stays as
    the wallet's credit, ``transaction`` the hash on chain ("" on other rails).
    """

    charged_nano_usd: int
    settled_atomic: int = 0
    credit_nano_usd: int = 0
    transaction: str = ""
