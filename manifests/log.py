"""The wire shapes and operations of the log over all records."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from base.errors import InvalidRequest, NotFound
from manifests.operation import JSON, NUMBER, Operation, Param, Reply
from manifests.proof import Check, Inclusion

_LOG = "/v1/audit/log"

Hash = Annotated[str, StringConstraints(pattern=r"^(sha256:)?[0-9a-f]{64}$", strict=True)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class LogHead(_Open):
    """The latest signed checkpoint, and the key that signed it. ``checkpoint`` is null while the log is
    empty."""

    size: int
    root: str
    checkpoint: str | None = Field(description="C2SP signed note.")
    checkpoint_at: str | None
    origin: str
    verifier_key: str


class Consistency(_Open):
    """Proof (RFC 9162, 2.1.4) that the tree of ``second`` leaves only adds to that of ``first``."""

    first: int
    second: int
    proof: list[str]
    second_root: str


class LogEntry(_Open):
    """An entry: the SHA-256 of a record's payload."""

    leaf_index: int
    payload_hash: str


class LogEntries(_Open):
    """At most 1,000 entries; ``size`` is that of the latest checkpoint."""

    entries: list[LogEntry]
    size: int


class Integrity(_Open):
    """The last checkpoint against the tree, the entries, the log's key and the checkpoint before."""

    size: int
    root: str
    checkpoint: str | None
    checkpoint_at: str | None
    valid: bool
    checks: list[Check]


class Placed(BaseModel):
    """A sibling and the side on which it stands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hash: Hash
    position: Literal["left", "right"]


class MerkleProof(BaseModel):
    """A path to check. With leaf_index and tree_size (they go together) the place is proved too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    leaf_hash: Hash
    proof: list[Hash | Placed] = Field(max_length=64, description="Siblings, from the leaf up.")
    root: Hash
    leaf_index: int | None = Field(None, ge=0, lt=2**53, strict=True)
    tree_size: int | None = Field(None, ge=1, lt=2**53, strict=True)


class PathVerdict(_Open):
    valid: bool
    checks: list[Check]


def log_operations() -> tuple[Operation, ...]:
    return (
        _get("/head", "getLogHead", "The head of the log", "Its latest signed checkpoint.", LogHead),
        _get(
            "/inclusion/{id}",
            "getLogInclusion",
            "Prove that a record is in the log",
            "The inclusion proof of a record, by id or index in the log, to the latest checkpoint.",
            Inclusion,
            Param("id", "path", "Run, record or audit id, or the index of an entry.", required=True),
        ),
        _get(
            "/consistency",
            "getLogConsistency",
            "Prove that the log only grew",
            "The consistency proof between two sizes of the tree.",
            Consistency,
            Param("first", "query", "The smaller size; by default 0.", NUMBER),
            Param("second", "query", "The larger size; by default that of the head.", NUMBER),
        ),
        _get(
            "/entries",
            "listLogEntries",
            "Read the log",
            "Entries in their order: who has all of them computes the root without us.",
            LogEntries,
            Param("start", "query", "Index of the first; by default 0.", NUMBER),
            Param("limit", "query", "How many; at most 1,000.", NUMBER),
        ),
        Operation(
            "GET",
            "/v1/audit/chain/integrity",
            "getLogIntegrity",
            "Is the log whole?",
            description="The last checkpoint held against the tree, the last entry and the key. Free.",
            tag="proof",
            replies={200: Reply("What was found, check by check.", {JSON: Integrity})},
        ),
        Operation(
            "POST",
            "/v1/audit/verify-merkle",
            "verifyMerkle",
            "Check a Merkle path",
            description="Whether a proof leads from a leaf to a root, of any RFC 9162 tree. Free.",
            tag="proof",
            request=MerkleProof,
            replies={200: Reply("The verdict.", {JSON: PathVerdict})},
        ),
    )


def _get(
    path: str, operation_id: str, summary: str, description: str, body: Any, *params: Param
) -> Operation:
    return Operation(
        "GET",
        _LOG + path,
        operation_id,
        summary,
        description=description,
        tag="proof",
        params=params,
        replies={200: Reply(description, {JSON: body})},
        errors=(InvalidRequest, NotFound) if params else (),
    )
