"""The shape of a bundle: ``{receipt, evidence, inclusion, anchor}``, read strictly from hostile data."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from base.canonical import SAFE_INTEGER

MAX_BYTES: Final = 262_144
_MAX_VALUES: Final = 2_048
_MAX_DEPTH: Final = 16

Text = Annotated[str, StringConstraints(strict=True, max_length=512)]
Hash = Annotated[str, StringConstraints(strict=True, pattern=r"^sha256:[0-9a-f]{64}\z")]
Hex = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}\z")]
Signature = Annotated[str, StringConstraints(strict=True, pattern=r"^ed25519:[0-9a-f]{128}\z")]
PublicKey = Annotated[str, StringConstraints(strict=True, pattern=r"^ed25519:pk_[0-9a-f]{64}\z")]
Word = Annotated[str, StringConstraints(strict=True, pattern=r"^0x[0-9a-f]{64}\z")]
Address = Annotated[str, StringConstraints(strict=True, pattern=r"^0x[0-9a-fA-F]{40}\z")]
Small = Annotated[int, Field(strict=True, ge=0, le=SAFE_INTEGER)]
Decimal = Annotated[str, StringConstraints(strict=True, pattern=r"^(0|[1-9][0-9]{0,38})\z")]
Number = Small | Decimal


class UnreadableBundle(ValueError):
    """No bundle can be read from the data; the message says why."""


class _Shape(BaseModel):
    """Members beyond those named are allowed: a signature covers those of a payload all the same."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class UsageShape(_Shape):
    input_tokens: Number
    output_tokens: Number
    cached_tokens: Number
    images: Number = 0
    audio_ms: Number = 0
    characters: Number = 0
    video_ms: Number = 0


class PriceShape(_Shape):
    version: Text
    input_nano_per_mtok: Number
    output_nano_per_mtok: Number
    nano_per_image: Number = 0
    nano_per_second: Number = 0
    nano_per_mchar: Number = 0


class EvidencePayloadShape(_Shape):
    type: Text
    record_id: Text
    run_id: Text
    audit_id: Text
    tool: Text
    public_route_label: Text
    model: Text
    served_model: Text
    served_revision: Text
    engine: Text
    engine_version: Text
    input_hash: Hash
    output_hash: Hash
    usage: UsageShape
    price: PriceShape
    quoted_max_nano_usd: Number
    charged_nano_usd: Number
    rail: Text
    network: Text
    asset: Text
    payer: Text
    payee: Text
    nonce: Text
    max_amount: Decimal
    status: Text
    started_at_ms: Small
    ended_at_ms: Small
    issued_at_ms: Small
    prompt_version_id: Text
    customer_trace_id: Text
    environment: Text
    agent_registry: Text
    agent_id: Text
    tool_manifest_hash: Text
    hashes: Literal["plain", "salted"] = "plain"


class EvidenceShape(_Shape):
    record_id: Text
    run_id: Text
    audit_id: Text
    customer_trace_id: Text
    public_route_label: Text
    environment: Text
    prompt_version_id: Text
    verification_method: Text
    public_key: PublicKey
    key_id: Text
    payload_hash: Hash
    signature: Signature
    payload: EvidencePayloadShape


class ReceiptPayloadShape(_Shape):
    type: Text
    record_id: Text
    run_id: Text
    evidence_hash: Hash
    request_hash: Hash
    response_hash: Hash
    charged_nano_usd: Number
    settled_atomic: Number
    credit_nano_usd: Number
    transaction: Text
    issued_at_ms: Small


class ReceiptShape(_Shape):
    record_id: Text
    run_id: Text
    request_hash: Hash
    response_hash: Hash
    record_signature: Signature
    verification_method: Text
    public_key: PublicKey
    key_id: Text
    receipt_hash: Hash
    receipt_signature: Signature
    receipt_payload: ReceiptPayloadShape


class InclusionShape(_Shape):
    leaf_index: Small
    tree_size: Small
    leaf_hash: Hex
    proof: Annotated[list[Hex], Field(max_length=64)]
    root: Hex
    checkpoint: Annotated[str, StringConstraints(strict=True, max_length=16_384)]


class AnchorShape(_Shape):
    """Where on a chain a checkpoint was written, and the place of the record in the log it names."""

    kind: Literal["identity_metadata", "validation_registry"]
    network: Annotated[str, StringConstraints(strict=True, pattern=r"^eip155:[1-9][0-9]{0,18}\z")]
    registry: Address
    agent_id: Decimal
    digest: Word
    transaction: Word
    block: Small
    inclusion: InclusionShape


class BundleShape(_Shape):
    evidence: EvidenceShape
    receipt: ReceiptShape | None = None
    inclusion: InclusionShape | None = None
    anchor: AnchorShape | None = None


def parse_bundle(data: bytes) -> Any:
    """JSON data of a saved bundle. Raises UnreadableBundle, for members that occur twice too."""
    if len(data) > MAX_BYTES:
        raise UnreadableBundle(f"A bundle is at most {MAX_BYTES} bytes.")
    try:
        orjson.loads(data)  # strict, and bounded in depth where the other parser would end the process
        return json.loads(data, object_pairs_hook=_once)
    except UnreadableBundle:
        raise
    except RecursionError:
        raise UnreadableBundle("It is nested too deeply.") from None
    except ValueError as error:
        raise UnreadableBundle(f"It is not JSON: {error}.") from None


def shape_of(bundle: Any) -> BundleShape:
    """The checked shape of a bundle; a bare evidence pack counts as one. Raises UnreadableBundle."""
    if not isinstance(bundle, Mapping):
        raise UnreadableBundle("A bundle is a JSON object.")
    _measure(bundle)
    try:
        return BundleShape.model_validate(whole(bundle))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnreadableBundle(f"{place}: {first['msg']}"[:300]) from None


def whole(bundle: Mapping[str, Any]) -> Mapping[str, Any]:
    """The bundle itself, or the bundle around a bare evidence pack."""
    return {"evidence": bundle} if "payload" in bundle and "evidence" not in bundle else bundle


def _measure(bundle: Mapping[str, Any]) -> None:
    """Bound the work that a bundle can cause before anything walks it."""
    left, characters = _MAX_VALUES, MAX_BYTES
    level: list[Any] = [bundle]
    for _ in range(_MAX_DEPTH):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, str):
                characters -= len(value)
            elif isinstance(value, Mapping):
                inner += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                inner += value
        left -= len(inner)
        if left < 0 or characters < 0:
            raise UnreadableBundle("It holds more than a bundle can hold.")
        if not inner:
            return
        level = inner
    raise UnreadableBundle(f"It is nested deeper than {_MAX_DEPTH} levels.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnreadableBundle("A member occurs twice in one object.")
    return members
