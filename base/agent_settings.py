"""The server as an agent of ERC-8004, as the settings name it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

Contract = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]


class AgentSettings(BaseModel):
    """Where the server is registered as an agent, and how it anchors its log there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpc_url: SecretStr | None = Field(
        None, description="JSON-RPC node of the registries' chain; by default the embedded chain's."
    )
    identity_registry: Contract | None = Field(
        None, description="Identity Registry; by default the chain's known one."
    )
    reputation_registry: Contract | None = Field(
        None, description="Reputation Registry; by default the chain's known one."
    )
    validation_registry: Contract | None = Field(
        None, description="Validation Registry; by default the chain's known one."
    )
    owner_key: Path | None = Field(
        None,
        description=(
            "Key file of the agent's owner, which batchin agent alone reads: keep it elsewhere "
            "meanwhile. By default agent_owner.key in the data dir's keys."
        ),
    )
    anchor: Literal["none", "identity_metadata", "validation_registry"] = Field(
        "identity_metadata",
        description=(
            "How checkpoints of the log are anchored: not at all, in the agent's metadata, or as "
            "requests to an independent validator."
        ),
    )
    validator: Contract | None = Field(
        None, description="Validator that is asked; needed by anchor = validation_registry."
    )
    anchor_every_s: float = Field(
        600.0, gt=0, description="Longest that new records wait for an anchor."
    )
    anchor_records: int = Field(1000, ge=1, description="So many new records are anchored at once.")
    confirmations: int | None = Field(
        None,
        ge=1,
        description="Blocks until an anchor is final; by default 12, on the embedded chain 1.",
    )
    gas_budget_wei: int = Field(
        10**16,
        ge=0,
        description=(
            "Most that the anchors of 24 hours may cost, in wei. One that waits is replaced at a higher "
            "fee beyond it, but never at more than this by itself."
        ),
    )

    @model_validator(mode="after")
    def _validated(self) -> "AgentSettings":
        if self.anchor == "validation_registry" and self.validator is None:
            raise ValueError("anchor = validation_registry needs validator")
        return self
