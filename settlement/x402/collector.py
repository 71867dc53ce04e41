"""Moves the money of a payment: the facilitator carries it out, the row says how far it is."""

import asyncio
from dataclasses import dataclass
from typing import Final

from base.clock import Clock
from base.errors import InternalError
from settlement.x402.facilitator import Facilitator, Settlement, SettlementState
from settlement.x402.payment import Payment, State
from settlement.x402.transitions import advance
from storage.op import Refused, Store

_BEFORE_SETTLING: Final = frozenset({State.RESERVED, State.DONE, State.SETTLING})
_UNTOLD: Final = frozenset({State.SETTLING, State.PENDING})


@dataclass(frozen=True, slots=True)
class Collector:
    """``poll_s`` is the pause between two looks at a settlement that the chain has not decided;
    ``longest_s`` the longest that a caller is kept waiting for it."""

    store: Store
    facilitator: Facilitator
    clock: Clock
    longest_s: float
    poll_s: float = 1.0

    async def collect(self, payment: Payment) -> Settlement:
        """Carry out a payment. Repeating it is harmless: the facilitator does it once for a run.
        Nothing is nothing to carry out: a run that cost nothing is settled without a transaction.

        Raises InternalError when the payment stands elsewhere.
        """
        await self._advance(payment, _BEFORE_SETTLING, State.SETTLING)
        if not payment.moves_atomic:
            return Settlement(SettlementState.SETTLED)
        return await self._told(
            payment, await self.facilitator.settle(payment.run_id, payment.authorization)
        )

    async def look(self, payment: Payment) -> Settlement:
        """What the chain says of it now."""
        settlement = await self.facilitator.outcome(payment.run_id, payment.authorization)
        return await self._told(payment, settlement)

    async def wait(self, payment: Payment, settlement: Settlement) -> Settlement:
        """The end of a settlement; PENDING when it has none after the authorization's window."""
        left_s = payment.authorization.valid_before - self.clock.now_ms() / 1000 + self.poll_s
        until_s = self.clock.monotonic_s() + min(left_s, self.longest_s)
        over = False
        while settlement.state is SettlementState.PENDING and not over:
            over = self.clock.monotonic_s() >= until_s  # then it is looked at once more
            await asyncio.sleep(self.poll_s)
            settlement = await self.look(payment)
        return settlement

    async def _told(self, payment: Payment, settlement: Settlement) -> Settlement:
        if settlement.state is SettlementState.PENDING:
            await self._advance(payment, _UNTOLD, State.PENDING)
        return settlement

    async def _advance(self, payment: Payment, starts: frozenset[State], to: State) -> None:
        answer = await self.store.commit(advance(payment, starts, to, self.clock.now_ms()))
        if isinstance(answer, Refused):
            raise InternalError(f"The payment of {payment.run_id} stands elsewhere: {answer.detail}.")
