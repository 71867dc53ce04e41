"""Signs the evidence of a call and, after settlement, its receipt."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from base.energy import Grid
from base.signer import Signer
from settlement.evidence.keyring import KeyRing
from settlement.evidence.receipt import receipt_payload, receipt_wire
from settlement.evidence.record import evidence_payload, evidence_wire
from settlement.evidence.signed import PaymentFacts, Signed
from settlement.rail import Outcome, Terms


def unregistered() -> tuple[str, str]:
    """The server is no agent."""
    return "", ""


@dataclass(frozen=True, slots=True)
class Recorder:
    """``agent`` tells the registry and the id of the server's ERC-8004 registration ("" and "" while it
    has none); ``manifests`` holds the hash of each tool's manifest by tool name; ``grid`` is where the
    engines' power comes from, where the operator told."""

    keys: KeyRing
    environment: str
    agent: Callable[[], tuple[str, str]] = unregistered
    manifests: Mapping[str, str] = field(default_factory=dict)
    grid: Grid | None = None

    async def evidence(self, outcome: Outcome, terms: Terms, charged_nano_usd: int) -> Signed:
        """The signed record of a run. It says what was authorized, not what will be settled.

        Raises SignerUnavailable.
        """
        key = self.keys.current
        signer = key.signer
        payload = evidence_payload(outcome, terms, charged_nano_usd, self.grid)
        payload["environment"] = self.environment
        payload["agent_registry"], payload["agent_id"] = self.agent()
        payload["tool_manifest_hash"] = self.manifests.get(outcome.tool, "")
        # The end of the run may lie a moment before a key that was made meanwhile.
        payload["issued_at_ms"] = max(outcome.ended_at_ms, key.not_before_ms)
        signed, digest, signature = await _sign(payload, signer)
        wire = evidence_wire(payload, digest, signer.public_key, signer.key_id, signature)
        return Signed(outcome.run_id, signed, digest, signature, signer.key_id, signer.public_key, wire)

    async def receipt(self, evidence: Signed, payment: PaymentFacts, at_ms: int) -> Signed:
        """The signed receipt of a record, by the record's own key even when that was rotated out.

        Raises KeyFileError when the private key of the record is gone, and SignerUnavailable.
        """
        signer = self.keys.signer_of(evidence.key_id)
        record = evidence.wire["payload"]
        issued_at_ms = max(at_ms, record["issued_at_ms"])
        payload = receipt_payload(record, evidence.wire["payload_hash"], payment, issued_at_ms)
        signed, digest, signature = await _sign(payload, signer)
        wire = receipt_wire(
            payload, digest, signer.public_key, signer.key_id, signature, evidence.signature
        )
        return Signed(evidence.run_id, signed, digest, signature, signer.key_id, signer.public_key, wire)


async def _sign(payload: Mapping[str, object], signer: Signer) -> tuple[bytes, bytes, bytes]:
    """The canonical bytes, their SHA-256 and their signature.

    For strings, integers and ASCII keys, orjson with sorted keys is RFC 8785 (a test compares).
    """
    signed = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    return signed, hashlib.sha256(signed).digest(), await signer.signed(signed)
