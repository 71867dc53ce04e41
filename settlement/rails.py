"""Which rail pays: the caller's own balance or credit first, then x402, else a challenge."""

from dataclasses import dataclass

from base.errors import InsufficientFunds, Unauthorized
from settlement.rail import Grant, Order, Rail, Replay


@dataclass(frozen=True, slots=True)
class Rails:
    """Chooses by what the caller brought; ``x402`` is None where that rail is switched off."""

    balance: Rail
    x402: Rail | None

    async def authorize(self, order: Order) -> Grant | Replay:
        """Secure the quote.

        Raises Unauthorized without key and x402, InsufficientFunds without x402, and the x402 errors:
        a caller whose balance is short is shown the challenge too, so that an agent can pay and go on.
        """
        if order.caller.account_id is None:
            return await self._by_payment(order, Unauthorized())
        try:
            return await self.balance.authorize(order)
        except InsufficientFunds as short:
            return await self._by_payment(order, short)

    async def _by_payment(self, order: Order, otherwise: Exception) -> Grant | Replay:
        if self.x402 is None:
            raise otherwise
        return await self.x402.authorize(order)
