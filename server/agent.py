"""Operations on the agent of ERC-8004 that the server is: register, wallet, anchor, status."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from base.errors import InvalidRequest
from server.operations import Arguments, NoArguments, Operation
from settlement.agent.seat import AgentSeat


class WalletArguments(Arguments):
    """The key file of the wallet; or the wallet with its consent, signed elsewhere; by default the key
    that x402 pays to."""

    key_file: Path | None = None
    wallet: str | None = Field(None, pattern=r"^0x[0-9a-fA-F]{40}$")
    deadline: int | None = Field(None, ge=0)
    signature: str | None = Field(None, pattern=r"^0x[0-9a-fA-F]+$")

    @model_validator(mode="after")
    def _whole(self) -> "WalletArguments":
        if self.signature is not None and None in (self.wallet, self.deadline):
            raise ValueError("signature goes with wallet and deadline")
        return self


@dataclass(frozen=True, slots=True)
class AgentOffice:
    """``pay_to_key`` is the key file that x402 pays to, None where the address came from elsewhere;
    ``registered`` is awaited when the registration changed."""

    seat: AgentSeat
    pay_to_key: Path | None
    registered: Callable[[], Awaitable[None]]

    def operations(self) -> Mapping[str, Operation]:
        return {
            "agent.register": Operation(NoArguments, self._register),
            "agent.status": Operation(NoArguments, self._status),
            "agent.set_wallet": Operation(WalletArguments, self._set_wallet),
            "agent.anchor": Operation(NoArguments, self._anchor),
        }

    async def _register(self, _: NoArguments) -> dict[str, Any]:
        await self.seat.register()
        await self.registered()
        return await self.seat.status()

    async def _status(self, _: NoArguments) -> dict[str, Any]:
        return await self.seat.status()

    async def _anchor(self, _: NoArguments) -> dict[str, Any]:
        await self.seat.anchor()
        return await self.seat.status()

    async def _set_wallet(self, asked: WalletArguments) -> dict[str, Any]:
        """What the wallet has to sign, where it was named without its signature."""
        registrar = await self.seat.registrar()
        if asked.wallet is None:
            await registrar.set_wallet(await self._signer(asked.key_file))
        elif asked.signature is None or asked.deadline is None:
            return {"to_sign": await registrar.consent_now(asked.wallet)}
        else:
            signature = bytes.fromhex(asked.signature[2:])
            await registrar.set_signed_wallet(asked.wallet, asked.deadline, signature)
        return await self.seat.status()

    async def _signer(self, key_file: Path | None) -> Any:
        from settlement.chain.keys import file_signer

        path = key_file or self.pay_to_key
        if path is None or not path.exists():
            raise InvalidRequest(
                "The key of the wallet is not here.",
                resolution="Name its file with --key-file, or its address with --wallet.",
            )
        return await file_signer(path)
