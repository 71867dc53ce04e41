"""Public chains on which USDC is taken, as the settings name them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

NetworkName = Literal["base", "base-sepolia", "polygon", "avalanche", "arbitrum", "ethereum"]
_Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]


class FacilitatorSettings(BaseModel):
    """A facilitator of somebody else, by HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://[^?#]+$", description="Base URL of /verify and /settle.")
    headers: dict[str, SecretStr] = Field({}, description="Headers that authorize this server there.")
    timeout_s: float = Field(30.0, gt=0, description="Longest that it is waited for.")


class NetworkSettings(BaseModel):
    """One chain: who is paid there, and with which wallet this server settles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpc_url: SecretStr = Field(description="JSON-RPC node of the chain.")
    pay_to: _Address = Field(
        description="Address that receives the payments; never the gas wallet's, whose key is here."
    )
    min_charge_atomic: int | None = Field(
        None,
        ge=0,
        description=(
            "Least amount of one payment there, in atomic USDC: what settling it costs in gas. By "
            "default min_charge_atomic of the server."
        ),
    )
    gas_key: Path | None = Field(
        None,
        description=(
            "Key file (64 hex digits, mode 0600) of the wallet that pays for settling; by default "
            "gas.key in the data dir's keys, made at first use."
        ),
    )
    facilitators: tuple[FacilitatorSettings, ...] = Field(
        (),
        description=(
            "Facilitators that settle there, asked in this order ([[networks.NAME.facilitators]]); by "
            "default this server settles itself, with its gas wallet."
        ),
    )
    confirm_from_atomic: int = Field(
        0,
        ge=0,
        description=(
            "From this amount on, in atomic USDC, a facilitator's settlement counts when rpc_url has "
            "seen its transfer; smaller ones are looked for soon after."
        ),
    )
    confirmations: int = Field(
        12, ge=1, description="Blocks after which a USDC deposit counts, its own included."
    )
    gas_least_wei: int = Field(
        10**15,
        ge=0,
        description="Balance of the gas wallet, in wei, below which the log tells.",
    )
    gas_price_gwei: int = Field(500, ge=1, description="Most that is paid for a unit of gas, in gwei.")
    gas_budget_gwei: int | None = Field(
        None,
        ge=1,
        description="Most that the settlements of 24 hours may cost, in gwei; by default unlimited.",
    )
