"""The wire shapes of proof: records, evidence, receipts, bundles, verdicts, keys."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class AuditRecord(_Open):
    """A call as the public record shows it: hashes, never texts. Energy is null where it is unknown."""

    audit_id: str
    input_hash: str = Field(description="Hex SHA-256 of the canonical request.")
    output_hash: str = Field(description="Hex SHA-256 of the canonical answer.")
    energy_wh: float | None
    energy_source: str | None
    carbon_grams_co2e: float | None
    carbon_offset_vs_us_cloud: float | None
    signature: str


class EvidencePayload(_Open):
    """What was signed, in canonical JSON (RFC 8785)."""

    record_id: str
    input_hash: str
    output_hash: str


class EvidencePack(_Open):
    """A signed record: ``signature`` is Ed25519 over the canonical JSON of ``payload``."""

    record_id: str
    payload: EvidencePayload
    payload_hash: str
    signature: str
    public_key: str
    key_id: str


class Receipt(_Open):
    """A signed statement of what was charged and how it was settled."""

    record_id: str
    receipt_payload: dict[str, Any]
    receipt_hash: str
    receipt_signature: str
    record_signature: str
    public_key: str
    request_hash: str
    response_hash: str


class Bundle(_Open):
    """All that an offline verifier needs. ``inclusion`` is null until the log has the record."""

    receipt: Receipt | None
    evidence: EvidencePack
    inclusion: dict[str, Any] | None


class BundleToVerify(BaseModel):
    """A bundle as /bundle returns it; it need not come from this server."""

    model_config = ConfigDict(extra="allow")

    receipt: dict[str, Any] | None = None
    evidence: dict[str, Any]
    inclusion: dict[str, Any] | None = None


class Check(_Open):
    """One check of a verification."""

    name: str
    valid: bool | None = Field(description="null: not checked.")


class Verification(_Open):
    """Whether every check that could be made held."""

    valid: bool
    checks: list[Check]


class PublicKey(_Open):
    """The current key of evidence and receipts: 32 bytes in hex."""

    verify_key_hex: str


class Health(_Open):
    """Whether calls are served; engines that are not ready are named."""

    status: Literal["ok", "degraded", "unavailable"]
