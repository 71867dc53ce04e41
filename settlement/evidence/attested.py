"""What is signed of an outside text: its checkpoint, risk and decision. Hashes and figures, no text."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

ATTEST: Final = "attest"
"""The tool whose records are of texts that were made elsewhere."""
_MEMBER: Final = "attested"
_SHOWN_AT_END: Final = 4
_NUMBERS: Final = ("risk_score",)
_TEXTS: Final = (
    "checkpoint",
    "parent_record_id",
    "gpu_id",
    "risk_method",
    "decision",
    "decided_by",
    "reviewer",
)


@dataclass(frozen=True, slots=True)
class Attested:
    """``risk_score``, ``review_at`` and ``block_at`` are decimal strings; "" where nothing was told.
    ``gpu_id`` is masked."""

    checkpoint: str
    risk_score: str
    risk_method: str
    findings: Mapping[str, int]
    parent_record_id: str = ""
    gpu_id: str = ""
    review_at: str = ""
    block_at: str = ""
    decision: str = ""
    decided_by: str = ""
    reviewer: str = ""

    def details(self) -> dict[str, Any]:
        """The ``details`` of the record."""
        told: dict[str, Any] = {
            name: value for name in (*_TEXTS, *_NUMBERS) if (value := getattr(self, name))
        }
        policy = {name: at for name in ("review_at", "block_at") if (at := getattr(self, name))}
        return {
            _MEMBER: {**told, "findings": dict(self.findings), **({"policy": policy} if policy else {})}
        }


def attested_shown(details: Mapping[str, Any] | None) -> dict[str, Any]:
    """The members of an audit record that only outside texts have; {} for any other."""
    told = (details or {}).get(_MEMBER)
    if told is None:
        return {}
    policy = told.get("policy")
    return {
        **{name: told.get(name) for name in _TEXTS},
        "risk_score": float(told["risk_score"]),
        "findings": told["findings"],
        "policy": {name: float(at) for name, at in policy.items()} if policy else None,
    }


def decimal_text(value: float) -> str:
    """A threshold as it is signed."""
    return f"{Decimal(repr(value)):f}"


def masked(name: str) -> str:
    """The end of a longer name: its owner knows it again, nobody else learns it."""
    return "****" + (name[-_SHOWN_AT_END:] if len(name) >= 3 * _SHOWN_AT_END else "")
