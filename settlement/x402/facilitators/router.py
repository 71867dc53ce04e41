"""One facilitator for each network, as one."""

from collections.abc import Mapping
from dataclasses import dataclass

from settlement.x402.facilitator import Authorization, Facilitator, Settlement, SettlementState
from settlement.x402.reasons import NETWORK_MISMATCH, PENDING


@dataclass(frozen=True, slots=True)
class Router:
    """Implements Facilitator. ``each`` is by CAIP-2 network."""

    each: Mapping[str, Facilitator]

    async def verify(self, authorization: Authorization) -> str | None:
        facilitator = self.each.get(authorization.network)
        return NETWORK_MISMATCH if facilitator is None else await facilitator.verify(authorization)

    async def settle(self, run_id: str, authorization: Authorization) -> Settlement:
        facilitator = self.each.get(authorization.network)
        if facilitator is None:
            return _unknown()
        return await facilitator.settle(run_id, authorization)

    async def outcome(self, run_id: str, authorization: Authorization) -> Settlement:
        facilitator = self.each.get(authorization.network)
        if facilitator is None:
            return _unknown()
        return await facilitator.outcome(run_id, authorization)


def _unknown() -> Settlement:
    """A payment of a network that was taken out of the settings: nobody here can tell, so it waits."""
    return Settlement(SettlementState.PENDING, reason=PENDING)
