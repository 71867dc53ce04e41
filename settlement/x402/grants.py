"""The two grants of the rail: paid after the run, or paid before it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from base.signers import SignerUnavailable
from settlement.evidence.signed import Signed
from settlement.rail import Moved, Outcome, Settled, Terms, Upfront
from settlement.x402.after_run import AfterRun
from settlement.x402.answers import settled
from settlement.x402.before_run import BeforeRun
from settlement.x402.collector import Collector
from settlement.x402.errors import SettlementFailed, SettlementPending
from settlement.x402.facilitator import SettlementState
from settlement.x402.payment import Payment
from storage.errors import StorageUnavailable

Challenged = Callable[[str], Awaitable[SettlementFailed]]


@dataclass(frozen=True, slots=True)
class AuthorizedGrant:
    """A payment that is settled when the run ended, before anything of it leaves. ``ended`` is told the
    run when it is known what became of the money, ``left`` when recovery has to find out."""

    payment: Payment
    steps: AfterRun
    collector: Collector
    failed: Challenged
    ended: Callable[[str], None]
    left: Callable[[str], None]

    @property
    def terms(self) -> Terms:
        return self.payment.terms

    @property
    def upfront(self) -> Upfront | None:
        return None

    async def capture(self, outcome: Outcome) -> Settled:
        """Raises SettlementFailed and SignerUnavailable (final, nothing charged), and SettlementPending
        (still followed)."""
        tell = self.left
        try:
            answer = await self._capture(outcome)
            tell = self.ended
        except (SettlementFailed, SignerUnavailable):
            tell = self.ended
            raise
        except StorageUnavailable as error:  # the money may be under way, so it is not said to be safe
            raise SettlementPending(self.payment.run_id) from error
        finally:
            tell(self.payment.run_id)
        return answer

    async def release(self) -> None:
        try:
            await self.steps.released(self.payment)
        finally:
            self.ended(self.payment.run_id)

    async def _capture(self, outcome: Outcome) -> Settled:
        try:
            payment, evidence = await self.steps.done(self.payment, outcome)
        except SignerUnavailable:  # no money has moved
            await self.steps.released(self.payment)
            raise
        try:
            return await self._collected(payment, evidence, outcome)
        except SignerUnavailable as error:  # it has: recovery signs when it can
            raise SettlementPending(payment.run_id) from error

    async def _collected(self, payment: Payment, evidence: Signed, outcome: Outcome) -> Settled:
        clock = self.collector.clock
        asked_s = clock.monotonic_s()
        settlement = await self.collector.wait(payment, await self.collector.collect(payment))
        moved_s = (asked_s, clock.monotonic_s()) if settlement.transaction else None
        if settlement.state is SettlementState.PENDING:
            raise SettlementPending(payment.run_id)
        if settlement.state is SettlementState.REFUSED:
            await self.steps.failed(payment, settlement.reason, evidence)
            raise await self.failed(settlement.reason)
        payment, receipt = await self.steps.settled(
            payment, settlement.transaction, evidence, outcome.also
        )
        return await settled(payment, evidence.wire, receipt.wire, self.steps.desk, moved_s)


@dataclass(frozen=True, slots=True)
class PaidGrant:
    """A payment that was settled before the run; the run is held on the wallet's account."""

    payment: Payment
    steps: BeforeRun
    ended: Callable[[str], None]
    moved_s: Moved

    @property
    def terms(self) -> Terms:
        return self.payment.terms

    @property
    def upfront(self) -> Upfront | None:
        return Upfront(self.payment.settlement, self.steps.desk.token_of(self.payment), self.moved_s)

    async def capture(self, outcome: Outcome) -> Settled:
        try:
            payment, evidence, receipt = await self.steps.spent(self.payment, outcome)
            return await settled(payment, evidence.wire, receipt.wire, self.steps.desk)
        except SignerUnavailable:
            await self.steps.unspent(self.payment)
            raise
        except StorageUnavailable as error:
            raise SettlementPending(self.payment.run_id) from error
        finally:
            self.ended(self.payment.run_id)

    async def release(self) -> None:
        """What was paid stays as the wallet's credit."""
        try:
            await self.steps.unspent(self.payment)
        finally:
            self.ended(self.payment.run_id)
