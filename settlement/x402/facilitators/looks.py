"""What our own node says of a movement: would it work, did it happen, can it still."""

from dataclasses import dataclass
from typing import Final

from settlement.chain.client import ChainClient
from settlement.chain.errors import RpcRefused
from settlement.x402.facilitator import Settlement, SettlementState
from settlement.x402.facilitators.movement import Movement
from settlement.x402.facilitators.reverts import SIMULATION, reason_of
from settlement.x402.reasons import NONCE_USED, VALID_BEFORE

_MOST_GAS: Final = 500_000  # a contract wallet decides what its check costs, and who settles pays for it


def refused(reason: str) -> Settlement:
    return Settlement(SettlementState.REFUSED, reason=reason)


@dataclass(frozen=True, slots=True)
class Looks:
    """``sender`` is who would send it. Everything raises ChainUnavailable."""

    client: ChainClient
    sender: str

    async def estimate(self, movement: Movement) -> int:
        """The gas that it takes now. Raises RpcRefused when it would be refused."""
        gas = await self.client.estimate_gas(self.sender, movement.to, movement.data)
        if gas > _MOST_GAS:
            raise RpcRefused(0, f"gas required exceeds allowance ({gas} > {_MOST_GAS})")
        return gas

    async def refusal(self, movement: Movement) -> str | None:
        """The x402 reason for which the chain would refuse it now, None when it would not."""
        try:
            await self.estimate(movement)
        except RpcRefused as error:
            return await self.reason(movement, error)
        return None

    async def reason(self, movement: Movement, error: RpcRefused) -> str:
        reason = reason_of(error)
        return await movement.lack(self.client) or reason if reason == SIMULATION else reason

    async def paid(self, movement: Movement) -> Settlement | None:
        """Whoever sent it: an authorization that was carried out has paid."""
        receipt = await movement.paid(self.client)
        return Settlement(SettlementState.SETTLED, receipt.transaction) if receipt else None

    async def decided(self, movement: Movement, valid_before: int) -> Settlement | None:
        """Its end, None while it has none: settled, or never any more."""
        now_s = await self.client.pending_time_s()  # before the state: what is unused later stays so
        if not await movement.used(self.client):  # one question; to find who used it takes many
            return refused(VALID_BEFORE) if now_s > valid_before else None
        return await self.paid(movement) or refused(NONCE_USED)
