"""The wire shapes and operations of anchors on chains."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from base.errors import NotFound
from manifests.operation import JSON, Operation, Param, Reply


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
        _order("/v1/vaas/anchor/base", "anchorOnBase", "Base"),
        _order("/v1/vaas/anchors/testnet", "anchorOnTestnet", "the test network Base Sepolia"),
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
