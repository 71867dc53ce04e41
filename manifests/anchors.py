"""The wire shapes and operations of anchors on chains."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from base.errors import InvalidRequest, NotFound, NotReady, ServiceUnavailable
from manifests.operation import JSON, Body, Operation, Param, Reply


class ChainReadiness(BaseModel):
    """Whether checkpoints are anchored on a chain; ``reason`` says why not."""

    model_config = ConfigDict(extra="allow")

    chain: str
    network: str = Field(description="CAIP-2 id.")
    ready: bool
    reason: str


class AnchorReadiness(BaseModel):
    """``ready``: on one chain at least."""

    ready: bool
    reason: str
    chains: list[ChainReadiness]


class FeedbackFile(BaseModel):
    """What a client says of an agent (ERC-8004, off-chain feedback file)."""

    model_config = ConfigDict(extra="allow")

    agentRegistry: str  # noqa: N815 - the standard's spelling
    agentId: int  # noqa: N815
    clientAddress: str  # noqa: N815
    createdAt: str  # noqa: N815
    value: int
    valueDecimals: int  # noqa: N815
    tag1: str
    tag2: str
    endpoint: str
    mcp: dict[str, str]
    proofOfPayment: dict[str, str]  # noqa: N815
    receipt: dict[str, str]


class FeedbackSubmission(BaseModel):
    """A transaction of the payer's; ``feedback_hash`` is the keccak-256 of the file's bytes."""

    network: str
    chain_id: int
    to: str
    function: str
    data: str
    feedback_uri: str
    feedback_hash: str


class AnchorOrder(BaseModel):
    """Whose record is to be anchored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    record_id: str = Field(
        min_length=1, max_length=128, description="Record id; a run or audit id does."
    )


class AnchorAnswer(ChainReadiness):
    """The final anchor that holds the record; ``transaction`` is null while there is none."""

    record_id: str
    transaction: str | None


class AnchorRecord(BaseModel):
    """A checkpoint of the log on a chain; ``digest`` is the keccak-256 of the note ``checkpoint``."""

    kind: Literal["identity_metadata", "validation_registry"]
    network: str = Field(description="CAIP-2 id.")
    registry: str
    agent_id: str
    size: int = Field(description="Records in the log at that checkpoint.")
    digest: str
    transaction: str | None
    block: int | None
    gas_used: int | None
    fee_wei: str | None
    state: Literal["sent", "mined", "final", "failed"]
    checkpoint: str


_OPINION = (
    Param("id", "path", "Record id; a run or audit id does.", required=True),
    Param("value", "query", "The mark; 100 by default.", {"type": "integer"}),
    Param(
        "value_decimals",
        "query",
        "Its decimals, 0 by default.",
        {"type": "integer", "minimum": 0, "maximum": 18},
    ),
    Param("tag1", "query", "What is rated.", {"type": "string", "maxLength": 64}),
    Param("tag2", "query", "More about it.", {"type": "string", "maxLength": 64}),
)


def anchor_operations() -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            "/v1/vaas/anchors/readiness",
            "getAnchorReadiness",
            "Which chains can anchor?",
            description="Per chain, whether checkpoints of the log are anchored there, and why not.",
            tag="proof",
            replies={200: Reply("Readiness by chain.", {JSON: AnchorReadiness})},
        ),
        Operation(
            "GET",
            "/v1/audit/anchors/{digest}",
            "getAnchor",
            "The checkpoint behind an anchor",
            description="What validators are pointed at: the checkpoint whose hash is on the chain.",
            tag="proof",
            params=(Param("digest", "path", "0x and 64 hex digits.", required=True),),
            replies={200: Reply("The anchor and its checkpoint.", {JSON: AnchorRecord})},
            errors=(NotFound,),
        ),
        _feedback(
            "/v1/audit/{id}/feedback",
            "getFeedbackFile",
            "A feedback file of ERC-8004 about a paid call",
            "With its proof of payment and the receipt's hash; the same question gives the same bytes, "
            "so that this URL can be the feedbackURI.",
            FeedbackFile,
        ),
        _feedback(
            "/v1/audit/{id}/feedback/submission",
            "getFeedbackSubmission",
            "The transaction that submits the feedback",
            "giveFeedback of the Reputation Registry, for the payer's wallet to sign and send.",
            FeedbackSubmission,
        ),
        _order("/v1/vaas/anchor/base", "anchorOnBase", "Base"),
        _order("/v1/vaas/anchors/testnet", "anchorOnTestnet", "the test network Base Sepolia"),
    )


def _feedback(path: str, operation_id: str, summary: str, description: str, body: Body) -> Operation:
    return Operation(
        "GET",
        path,
        operation_id,
        summary,
        description=description,
        tag="proof",
        params=_OPINION,
        replies={200: Reply("Ready to use.", {JSON: body})},
        errors=(InvalidRequest, NotFound, NotReady, ServiceUnavailable),
    )


def _order(path: str, operation_id: str, chain: str) -> Operation:
    return Operation(
        "POST",
        path,
        operation_id,
        f"Anchor a record on {chain}",
        description=(
            "The transaction of the anchor that holds the record, null while it waits for one: the "
            "server anchors by its own policy, and a request sends nothing. ready is false, with the "
            "reason, where the chain is not set up."
        ),
        tag="proof",
        request=AnchorOrder,
        replies={200: Reply("Whether it can be, and why not.", {JSON: AnchorAnswer})},
        errors=(NotFound,),
    )
