"""The wire shapes and operations of anchors on chains."""

from pydantic import BaseModel, ConfigDict, Field

from base.errors import NotFound
from manifests.operation import JSON, Operation, Reply


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
    """What became of it; ``transaction`` is null where nothing was sent."""

    record_id: str
    transaction: str | None


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
        _order("/v1/vaas/anchor/base", "anchorOnBase", "Base"),
        _order("/v1/vaas/anchors/testnet", "anchorOnTestnet", "the test network Base Sepolia"),
    )


def _order(path: str, operation_id: str, chain: str) -> Operation:
    return Operation(
        "POST",
        path,
        operation_id,
        f"Anchor a record on {chain}",
        description="ready is false, with the reason, where the chain is not set up: nothing was sent.",
        tag="proof",
        request=AnchorOrder,
        replies={200: Reply("Whether it can be, and why not.", {JSON: AnchorAnswer})},
        errors=(NotFound,),
    )
