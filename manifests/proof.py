"""The wire shapes of proof: records, evidence, receipts, bundles, verdicts, keys."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tools.attest import AttestOutput


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class AuditRecord(_Open):
    """A call as the public record shows it: hashes in bare hex, never texts. Energy and carbon are null
    where nothing measures them."""

    audit_id: str
    record_id: str
    run_id: str
    model_id: str
    input_hash: str = Field(description="SHA-256 of the canonical request; of an outside text, of it.")
    output_hash: str = Field(description="SHA-256 of the canonical answer; of an outside text, of it.")
    hashes: Literal["plain", "salted"] = Field(
        description="Salted ones are of the salt of their caller and the plain hash."
    )
    energy_wh: float | None
    energy_method: str | None = Field(description="How the energy is known.")
    energy_source: str | None = Field(description="Source of the grid's carbon intensity.")
    carbon_grams_co2e: float | None
    carbon_offset_vs_us_cloud: float | None
    risk_score: float | None = Field(None, description="Of outside texts: in [0, 1].")
    risk_method: str | None = None
    checkpoint: Literal["input", "output", "human_review"] | None = None
    parent_record_id: str | None = None
    decision: Literal["allow", "review", "block"] | None = None
    signature: str


class Salt(BaseModel):
    """What the hashes of a record are salted with; null where they are plain."""

    record_id: str
    hashes: Literal["plain", "salted"]
    salt: str | None = Field(description="64 hex digits; null for plain hashes.")


class Attestation(AttestOutput):
    """The record of outside texts. ``signature`` is in bare hex; ``vaas`` says where its evidence is."""

    signature: str
    vaas: dict[str, Any]
    vaas_record_id: str


class EvidencePayload(_Open):
    """What was signed, in canonical JSON (RFC 8785)."""

    record_id: str
    input_hash: str
    output_hash: str


class EvidencePack(_Open):
    """A signed record: ``signature`` is Ed25519 over the canonical JSON of ``payload``."""

    record_id: str
    run_id: str
    audit_id: str
    payload: EvidencePayload
    payload_hash: str
    signature: str
    public_key: str
    key_id: str
    verification_method: str


class Receipt(_Open):
    """A signed statement of what was charged and how it was settled."""

    record_id: str
    run_id: str
    receipt_payload: dict[str, Any]
    receipt_hash: str
    receipt_signature: str
    record_signature: str
    public_key: str
    key_id: str
    verification_method: str
    request_hash: str
    response_hash: str


class Inclusion(_Open):
    """Where the record stands in the append-only log (RFC 9162), and the path that proves it."""

    leaf_index: int
    tree_size: int
    leaf_hash: str
    proof: list[str]
    root: str
    checkpoint: str = Field(description="C2SP signed note.")


class Anchor(_Open):
    """Where on a chain a checkpoint stands, by its keccak-256, and the record's place in that log."""

    kind: Literal["identity_metadata", "validation_registry"]
    network: str
    registry: str
    agent_id: str
    digest: str
    transaction: str
    block: int
    inclusion: Inclusion


class Bundle(_Open):
    """All that an offline verifier needs. ``receipt`` is null while the call is not settled,
    ``inclusion`` while the record waits for its place in the log, about a second."""

    receipt: Receipt | None
    evidence: EvidencePack
    inclusion: Inclusion | None
    anchor: Anchor | None = Field(
        None, description="Absent until a checkpoint that holds the record is final on a chain."
    )


class BundleToVerify(BaseModel):
    """A bundle as /bundle returns it; it need not come from this server. What is no bundle gets its
    verdict too."""

    model_config = ConfigDict(extra="allow")

    receipt: Any = Field(None, description="The receipt; null where none is made yet.")
    evidence: Any = Field(None, description="The evidence pack: without it nothing is valid.")
    inclusion: Any = Field(None, description="The place in the log; null for not yet.")
    anchor: Any = Field(None, description="Where a checkpoint that holds it stands on a chain.")


class Check(_Open):
    """One check of a verification. ``valid`` is null when it was not made; ``detail`` says why."""

    name: str
    valid: bool | None
    result: Literal["pass", "fail", "skipped", "unbindable"]
    detail: str


class Verification(_Open):
    """``valid``: nothing failed, and the record is signed by a key of this server. ``outcome`` is
    incomplete when a check that is needed could not be made."""

    record_id: str
    valid: bool
    outcome: Literal["pass", "fail", "incomplete"]
    checks: list[Check]


class KeyEntry(_Open):
    """A key and when it was in use, in Unix milliseconds; null: still."""

    key_id: str
    public_key: str
    verify_key_hex: str
    not_before_ms: int
    not_after_ms: int | None
    revoked_log_size: int | None = Field(
        description="Of a revoked key only the first so many records of the log are believed."
    )


class LogKeyEntry(_Open):
    """The log's name and key; ``verifier_key`` is in C2SP form."""

    origin: str
    verifier_key: str
    verify_key_hex: str


class PublicKey(_Open):
    """The current key of evidence and receipts, the keys before it, and the log's key."""

    verify_key_hex: str
    key_id: str
    public_key: str
    not_before_ms: int
    keys: list[KeyEntry]
    log: LogKeyEntry


class Health(_Open):
    """Whether calls are served; engines that are not ready are named."""

    status: Literal["ok", "degraded", "unavailable"]
