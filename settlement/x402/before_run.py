"""A payment that is settled before its run (flow ``upfront``): its steps, each ONE commit.

Paid: chain -> wallet, all of it, and the run is held on the wallet's account. Spent: the hold is
captured like any other. Unspent: it is voided, and all that was paid is the wallet's credit.
"""

from dataclasses import dataclass
from typing import Final

from settlement.evidence.ops import evidence_op
from settlement.evidence.signed import PaymentFacts, Signed
from settlement.ledger.ids import CHAIN
from settlement.ledger.ops import capture, hold, post, void
from settlement.ledger.usage import usage_op
from settlement.rail import Outcome
from settlement.x402.desk import Desk
from settlement.x402.payment import RAIL, Payment, State
from settlement.x402.transitions import advance, unname
from storage.op import Op

_PAID: Final = frozenset({State.PAID})
_RUNNING: Final = frozenset({State.RUNNING})
_HELD: Final = frozenset({State.PAID, State.RUNNING})
_MOVING: Final = frozenset({State.SETTLING, State.PENDING})


@dataclass(frozen=True, slots=True)
class BeforeRun:
    """The steps raise Moved when the payment is not where they start."""

    desk: Desk

    async def paid(self, payment: Payment, transaction: str) -> Payment:
        """The money arrived and its run may start."""
        at_ms = self.desk.clock.now_ms()
        step = advance(payment, _MOVING, State.PAID, at_ms, transaction_hash=transaction)
        run_id, account_id = payment.run_id, payment.account_id
        return await self.desk.commit_with_token(
            payment,
            step,
            self._arrival(payment, at_ms),
            hold(run_id, account_id, None, payment.max_nano_usd, self.desk.lease, at_ms),
        )

    async def running(self, payment: Payment) -> Payment:
        step = advance(payment, _PAID, State.RUNNING, self.desk.clock.now_ms())
        return await self.desk.commit(step)

    async def spent(self, payment: Payment, outcome: Outcome) -> tuple[Payment, Signed, Signed]:
        """The run ended: charged, recorded and its result kept. The record and the receipt."""
        at_ms = self.desk.clock.now_ms()
        charged = outcome.quote.charge_nano_usd(outcome.usage)
        evidence = await self.desk.recorder.evidence(outcome, payment.terms, charged)
        facts = PaymentFacts(
            charged, payment.amount_atomic, payment.paid_nano_usd - charged, payment.transaction
        )
        receipt = await self.desk.recorder.receipt(evidence, facts, at_ms)
        sealed = self.desk.sealer.seal(outcome.result)
        step = advance(
            payment,
            _RUNNING,
            State.SETTLED,
            at_ms,
            charged_nano_usd=charged,
            salt=sealed.salt,
            box=sealed.box,
            result_expires_at_ms=at_ms + self.desk.result_ttl_s * 1000,
        )
        after = await self.desk.commit(
            step,
            capture(payment.run_id, payment.account_id, None, charged, at_ms),
            usage_op(outcome, payment.account_id, None, RAIL, charged),
            evidence_op(evidence, receipt, at_ms),
            *outcome.also(payment.account_id),
        )
        return after, evidence, receipt

    async def unspent(self, payment: Payment) -> Payment:
        """The run came to nothing: what was paid is the wallet's credit."""
        step = advance(payment, _HELD, State.CREDITED, self.desk.clock.now_ms())
        return await self.desk.commit(step, void(payment.run_id, payment.account_id, None))

    async def credited(self, payment: Payment, transaction: str) -> Payment:
        """The money arrived when nobody waited for the run any more: it is the wallet's credit."""
        at_ms = self.desk.clock.now_ms()
        step = advance(payment, _MOVING, State.CREDITED, at_ms, transaction_hash=transaction)
        return await self.desk.commit_with_token(payment, step, self._arrival(payment, at_ms))

    async def failed(self, payment: Payment, reason: str) -> Payment:
        """The money will never come: nothing ran."""
        step = advance(payment, _MOVING, State.FAILED, self.desk.clock.now_ms(), reason=reason)
        return await self.desk.commit(step, unname(payment))

    def _arrival(self, payment: Payment, at_ms: int) -> Op:
        run_id, amount = payment.run_id, payment.paid_nano_usd
        return post(f"x402-paid:{run_id}", CHAIN, payment.account_id, amount, "paid", run_id, at_ms)
