"""Which rail pays: the payment that a caller brought, else its balance or credit, else a challenge."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from base.errors import InsufficientFunds, RailNotConfigured, Unauthorized
from settlement.rail import Grant, Order, Rail, Replay
from storage.errors import StorageUnavailable


@dataclass(frozen=True, slots=True)
class Rails:
    """Chooses by what the caller brought; ``x402`` is None where that rail is switched off.
    ``hopeful`` tells whether the store will take what the end of a call must write."""

    balance: Rail
    x402: Rail | None
    hopeful: Callable[[], Awaitable[bool]]

    async def authorize(self, order: Order) -> Grant | Replay:
        """Secure the quote.

        A payment is looked at first, with a key or without: sent again, it finds what it paid for, and
        no balance is charged for the same call. Raises Unauthorized without key and x402,
        RailNotConfigured for a payment where x402 is switched off, InsufficientFunds, and the x402
        errors: a caller whose balance is short is shown the challenge, so that an agent can pay and
        go on. Raises StorageUnavailable while nothing could be charged: no engine works for nothing.
        """
        if not await self.hopeful():
            raise StorageUnavailable("The store can't write now.")
        if self.x402 is not None and order.payment is not None:
            return await self.x402.authorize(order)
        if order.caller.account_id is None or order.quote.bought_nano_usd:
            return await self._by_payment(order)
        try:
            return await self.balance.authorize(order)
        except InsufficientFunds:
            if self.x402 is None:
                raise
        return await self.x402.authorize(order)

    async def _by_payment(self, order: Order) -> Grant | Replay:
        if self.x402 is not None:
            return await self.x402.authorize(order)
        if order.payment is not None:
            raise RailNotConfigured("This server takes no x402 payments.")
        raise Unauthorized
