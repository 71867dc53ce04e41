"""The evidence record: what is signed about one call before it is committed and settled.

It holds the authorization, and no transaction, no position in the log and no text of the caller. All
values are strings and integers below 2^53 under ASCII keys, so that any JSON library can write the bytes
that were signed (docs/receipts.md).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from base.energy import Energy, Grid
from base.ids import audit_id_of, record_id_of
from base.pricing import PriceCard
from base.usage import Usage
from settlement.evidence.salting import MEMBER, SALTED, Part, salted
from settlement.evidence.spelling import (
    VERIFICATION_METHOD,
    hash_text,
    number,
    public_key_text,
    signature_text,
)
from settlement.rail import Outcome, Terms

EVIDENCE_TYPE: Final = "batchin/evidence/v1"
_CARDS_KEPT: Final = 256
_ROUTES: Final = {
    "chat": "managed-text",
    "respond": "managed-text",
    "complete": "managed-text",
    "embed": "managed-embedding",
    "speech": "managed-speech",
    "transcribe": "managed-transcription",
    "image": "managed-image",
    "video": "managed-video",
}
SHOWN: Final = ("customer_trace_id", "public_route_label", "environment", "prompt_version_id")
"""Members of the payload that the wire form repeats outside of it."""
TOKENS: Final = ("input_tokens", "output_tokens", "cached_tokens")
TOKEN_PRICES: Final = ("input_nano_per_mtok", "output_nano_per_mtok")
OTHER_UNITS: Final = ("images", "audio_ms", "characters", "video_ms")
OTHER_PRICES: Final = ("nano_per_image", "nano_per_second", "nano_per_mchar")
"""Members of ``usage`` and ``price`` that stand only where they are not 0."""


def evidence_payload(
    outcome: Outcome, terms: Terms, charged_nano_usd: int, grid: Grid | None = None
) -> dict[str, Any]:
    """What a run and its terms tell; the recorder adds what it knows of the server."""
    quote, usage, served = outcome.quote, outcome.usage, outcome.served
    return {
        "type": EVIDENCE_TYPE,
        "record_id": record_id_of(outcome.run_id),
        "run_id": outcome.run_id,
        "audit_id": audit_id_of(outcome.run_id),
        "tool": outcome.tool,
        "public_route_label": _ROUTES.get(outcome.tool, "managed-" + outcome.tool),
        "model": outcome.model,
        "served_model": served.model,
        "served_revision": served.revision,
        "engine": served.engine,
        "engine_version": served.engine_version,
        **_hashes(outcome),
        "usage": _numbers(usage, TOKENS, OTHER_UNITS),
        "price": dict(_price(quote.card)),
        "quoted_max_nano_usd": number(quote.max_nano_usd),
        "charged_nano_usd": number(charged_nano_usd),
        "rail": terms.rail,
        "network": terms.network,
        "asset": terms.asset,
        "payer": terms.payer,
        "payee": terms.payee,
        "nonce": terms.nonce,
        "max_amount": terms.max_amount,
        "status": outcome.status.value,
        "started_at_ms": outcome.started_at_ms,
        "ended_at_ms": outcome.ended_at_ms,
        "prompt_version_id": outcome.prompt_version,
        "customer_trace_id": outcome.trace_id,
        **_energy(outcome.energy, grid),
        **({"details": outcome.details} if outcome.details else {}),
    }


def _hashes(outcome: Outcome) -> dict[str, str]:
    asked, answered, salt = outcome.request_hash, outcome.response_hash, outcome.salt
    if not salt:
        return {"input_hash": asked, "output_hash": answered}
    return {
        "input_hash": salted(Part.INPUT, asked, salt),
        "output_hash": salted(Part.OUTPUT, answered, salt),
        MEMBER: SALTED,
    }


def _energy(energy: Energy | None, grid: Grid | None) -> dict[str, Any]:
    """The member ``energy``, only where something is known: never an estimate."""
    if energy is None:
        return {}
    told = {"microwatt_hours": number(energy.microwatt_hours), "method": energy.method}
    if grid is not None:
        told |= {"grid_gco2e_per_kwh": grid.gco2e_per_kwh, "grid_source": grid.source}
    return {"energy": told}


@lru_cache(_CARDS_KEPT)
def _price(card: PriceCard) -> dict[str, int | str]:
    return {"version": card.version, **_numbers(card, TOKEN_PRICES, OTHER_PRICES)}


def _numbers(
    of: Usage | PriceCard, always: tuple[str, ...], counted: tuple[str, ...]
) -> dict[str, int | str]:
    """Members that always stand, and those that stand only where they are not 0."""
    shown: dict[str, int | str] = {}
    for name in always:
        shown[name] = number(getattr(of, name))
    for name in counted:
        if value := getattr(of, name):
            shown[name] = number(value)
    return shown


def evidence_wire(
    payload: Mapping[str, Any], digest: bytes, public_key: bytes, key_id: str, signature: bytes
) -> dict[str, Any]:
    """The ``evidence`` member of a bundle. ``digest`` is SHA-256 of the payload's canonical form."""
    return {
        "record_id": payload["record_id"],
        "run_id": payload["run_id"],
        "audit_id": payload["audit_id"],
        "customer_trace_id": payload["customer_trace_id"],
        "public_route_label": payload["public_route_label"],
        "environment": payload["environment"],
        "prompt_version_id": payload["prompt_version_id"],
        "verification_method": VERIFICATION_METHOD,
        "public_key": public_key_text(public_key),
        "key_id": key_id,
        "payload_hash": hash_text(digest),
        "signature": signature_text(signature),
        "payload": payload,
    }
