"""A payment that is settled after its run (flow ``authorization``): its steps, each ONE commit.

Done: receivable -> revenue, the result sealed, the record signed. Settled: chain -> receivable, and the
rest chain -> wallet. Failed: revenue -> receivable, as if there had been no run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from base.errors import InternalError
from settlement.evidence.ops import evidence_op, receipt_op
from settlement.evidence.signed import PaymentFacts, Signed
from settlement.ledger.ids import CHAIN, RECEIVABLE, REVENUE
from settlement.ledger.ops import post
from settlement.ledger.usage import refund_usage_op, usage_op
from settlement.rail import Also, Outcome, nothing
from settlement.x402.desk import Desk
from settlement.x402.payment import RAIL, Payment, State
from settlement.x402.transitions import advance, release, unname
from storage.op import Op

_RESERVED: Final = frozenset({State.RESERVED})
_RUNNING: Final = frozenset({State.RUNNING})
_MOVING: Final = frozenset({State.SETTLING, State.PENDING})


@dataclass(frozen=True, slots=True)
class AfterRun:
    """The steps raise Moved when the payment is not where they start. ``least_atomic`` is what
    is worth settling at least, by network."""

    desk: Desk
    least_atomic: Mapping[str, int] = field(default_factory=dict)

    async def released(self, payment: Payment) -> None:
        """The run came to nothing before any money moved: forgotten, free to be used again."""
        await self.desk.store.commit(release(payment), unname(payment))

    async def running(self, payment: Payment) -> Payment:
        step = advance(payment, _RESERVED, State.RUNNING, self.desk.clock.now_ms())
        return await self.desk.commit(step)

    async def done(self, payment: Payment, outcome: Outcome) -> tuple[Payment, Signed]:
        """The run ended: from here on its cost is fixed, its result kept, its record signed."""
        at_ms = self.desk.clock.now_ms()
        charged = outcome.quote.charge_nano_usd(outcome.usage)
        evidence = await self.desk.recorder.evidence(outcome, payment.terms, charged)
        sealed = self.desk.sealer.seal(outcome.result)
        step = advance(
            payment,
            _RUNNING,
            State.DONE,
            at_ms,
            charged_nano_usd=charged,
            settles_atomic=payment.settles_for(charged, self.least_atomic.get(payment.network, 0)),
            salt=sealed.salt,
            box=sealed.box,
        )
        run_id = payment.run_id
        return await self.desk.commit(
            step,
            post(f"x402-charge:{run_id}", RECEIVABLE, REVENUE, charged, "charge", run_id, at_ms),
            usage_op(outcome, payment.account_id, None, RAIL, charged),
            evidence_op(evidence, None, at_ms),
        ), evidence

    async def settled(
        self,
        payment: Payment,
        transaction: str,
        evidence: Signed | None = None,
        also: Also = nothing,
    ) -> tuple[Payment, Signed]:
        """The money arrived. ``evidence`` is read back where the run belongs to an earlier process."""
        at_ms = self.desk.clock.now_ms()
        run_id, charged, credit = payment.run_id, payment.charged_nano_usd, payment.credit_nano_usd
        record = evidence or await self.record(run_id)
        facts = PaymentFacts(charged, payment.moves_atomic, credit, transaction)
        receipt = await self.desk.recorder.receipt(record, facts, at_ms)
        step = advance(
            payment,
            _MOVING,
            State.SETTLED,
            at_ms,
            transaction_hash=transaction,
            result_expires_at_ms=at_ms + self.desk.result_ttl_s * 1000,
        )
        return await self.desk.commit_with_token(
            payment,
            step,
            post(f"x402-settle:{run_id}", CHAIN, RECEIVABLE, charged, "settle", run_id, at_ms),
            post(f"x402-credit:{run_id}", CHAIN, payment.account_id, credit, "credit", run_id, at_ms),
            receipt_op(run_id, receipt),
            *also(payment.account_id),
        ), receipt

    async def failed(self, payment: Payment, reason: str, evidence: Signed | None = None) -> Payment:
        """The money will never come: nothing is delivered, and nothing stays charged. The receipt says
        so, for the record speaks of a charge."""
        at_ms = self.desk.clock.now_ms()
        run_id, charged = payment.run_id, payment.charged_nano_usd
        record = evidence or await self.record(run_id)
        step = advance(payment, _MOVING, State.FAILED, at_ms, reason=reason, salt=None, box=None)
        return await self.desk.commit(
            step,
            post(f"x402-reversal:{run_id}", REVENUE, RECEIVABLE, charged, "reversal", run_id, at_ms),
            refund_usage_op(run_id),
            unname(payment),
            await self._unpaid(record, at_ms),
        )

    async def told_unpaid(self, run_id: str) -> None:
        """Sign what ``failed`` signs, for a payment that failed before receipts told it."""
        unpaid = await self._unpaid(await self.record(run_id), self.desk.clock.now_ms())
        await self.desk.store.commit(unpaid)  # refused, harmless, when it has one

    async def _unpaid(self, record: Signed, at_ms: int) -> Op:
        receipt = await self.desk.recorder.receipt(record, PaymentFacts(0), at_ms)
        return receipt_op(record.run_id, receipt)

    async def record(self, run_id: str) -> Signed:
        """The stored record of a run that is done."""
        record = await self.desk.proofs.signed(run_id)
        if record is None:
            raise InternalError(f"The record of {run_id} is missing.")
        return record
