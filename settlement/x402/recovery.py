"""Brings payments to their end that nobody here works on: after a crash, a lost chain, a lost caller."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from settlement.evidence.tables import EVIDENCE
from settlement.x402.after_run import AfterRun
from settlement.x402.before_run import BeforeRun
from settlement.x402.collector import Collector
from settlement.x402.desk import Desk, Moved
from settlement.x402.exposure import Exposure
from settlement.x402.facilitator import Settlement, SettlementState
from settlement.x402.payment import Payment, State
from settlement.x402.sale import Flow
from settlement.x402.tables import PAYMENT
from settlement.x402.transitions import shred

_RUN_LOST: Final = (State.RESERVED, State.RUNNING, State.PAID)
_MONEY_DUE: Final = (State.DONE, State.SETTLING, State.PENDING)
_AT_ONCE: Final = 100
_logger: Final = logging.getLogger("batchin.x402")


@dataclass(frozen=True, slots=True)
class Recovery:
    """``live`` holds the run ids that this process works on; those are left alone. ``exposure`` counts
    what waits for its chain."""

    desk: Desk
    collector: Collector
    live: AbstractSet[str]
    exposure: Exposure

    async def recover(self) -> int:
        """End the payments whose run was lost, and tell how many there were. Asks the chain nothing.

        What was not paid is released uncharged; what was paid upfront is the wallet's credit.
        """
        await self._tell_unpaid()
        return await self._each(_RUN_LOST)

    async def reconcile(self) -> int:
        """One look at every payment that nobody works on; how many were looked at."""
        looked = await self._each(_RUN_LOST) + await self._each(_MONEY_DUE)
        due = await self._in(_MONEY_DUE)
        self.exposure.follow(payment for payment in due if payment.run_id not in self.live)
        return looked

    async def sweep(self) -> int:
        """Shred the stored results that have expired; how many."""
        due = PAYMENT.c.result_expires_at_ms <= self.desk.clock.now_ms()
        rows = await self.desk.store.read(select(PAYMENT).where(due).limit(_AT_ONCE))
        if rows:
            await self.desk.store.commit(*(shred(Payment.from_row(row)) for row in rows))
        return len(rows)

    async def forever(self, pause_s: float = 2.0) -> None:
        """Reconcile and sweep until cancelled; trouble is logged and tried again."""
        while True:
            try:
                await self.reconcile()
                await self.sweep()
            except Exception:
                _logger.exception("payments are not reconciled")
            await asyncio.sleep(pause_s)

    async def _each(self, states: Collection[State]) -> int:
        payments = [payment for payment in await self._in(states) if payment.run_id not in self.live]
        for payment in payments:
            try:
                await self._end(payment)
            except Moved:
                continue
            except Exception:
                _logger.exception("the payment of %s is not ended", payment.run_id)
        return len(payments)

    async def _tell_unpaid(self) -> None:
        """Records of payments that failed have a receipt that says so, those of earlier versions too."""
        query = select(EVIDENCE.c.run_id).join(PAYMENT, PAYMENT.c.run_id == EVIDENCE.c.run_id)
        untold = query.where(PAYMENT.c.state == State.FAILED.value, EVIDENCE.c.receipt_payload.is_(None))
        for row in await self.desk.store.read(untold.limit(_AT_ONCE)):
            await AfterRun(self.desk).told_unpaid(row["run_id"])

    async def _in(self, states: Collection[State]) -> Sequence[Payment]:
        query = select(PAYMENT).where(PAYMENT.c.state.in_([state.value for state in states]))
        rows = await self.desk.store.read(query.order_by(PAYMENT.c.created_at_ms))
        return [Payment.from_row(row) for row in rows]

    async def _end(self, payment: Payment) -> None:
        if payment.state in _MONEY_DUE:
            await self._told(payment, await self._asked(payment))
        elif payment.transaction:
            await BeforeRun(self.desk).unspent(payment)
        else:
            await AfterRun(self.desk).released(payment)

    async def _asked(self, payment: Payment) -> Settlement:
        if payment.state is State.PENDING:
            return await self.collector.look(payment)
        return await self.collector.collect(payment)

    async def _told(self, payment: Payment, settlement: Settlement) -> None:
        if settlement.state is SettlementState.PENDING:
            return
        refused = settlement.state is SettlementState.REFUSED
        if payment.flow is Flow.UPFRONT:
            steps = BeforeRun(self.desk)
            if refused:
                await steps.failed(payment, settlement.reason)
            else:
                await steps.credited(payment, settlement.transaction)
            return
        after = AfterRun(self.desk)
        if refused:
            await after.failed(payment, settlement.reason)
        else:
            await after.settled(payment, settlement.transaction)
