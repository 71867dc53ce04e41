"""The rail of prepaid money: an account's balance, or the credit that a wallet's payments left."""

import asyncio
from dataclasses import dataclass

from base.caller import CallerKind
from base.clock import Clock
from base.errors import BatchinError, InsufficientFunds, InternalError, TooManyOpen, Unauthorized
from settlement.evidence.ops import evidence_op
from settlement.evidence.recorder import Recorder
from settlement.evidence.signed import PaymentFacts
from settlement.ledger import ops
from settlement.ledger.ids import payer_of
from settlement.ledger.usage import usage_op
from settlement.rail import Order, Outcome, Settled, Terms, Upfront
from storage.errors import StorageUnavailable
from storage.op import Refused, Store


@dataclass(frozen=True, slots=True)
class BalanceRail:
    """Pays for callers that have an account; wallets (by their token) with their credit."""

    store: Store
    recorder: Recorder
    clock: Clock

    async def authorize(self, order: Order) -> "BalanceGrant":
        """Hold the quote's maximum: visible to every later call, not yet on the disk.

        Raises InsufficientFunds, Unauthorized when the key was revoked meanwhile or there is none,
        StorageUnavailable.
        """
        caller = order.caller
        if caller.account_id is None:
            raise Unauthorized
        amount_nano_usd = order.quote.max_nano_usd
        ticket = self.store.submit(
            ops.hold(
                order.run_id,
                caller.account_id,
                caller.key_id,
                amount_nano_usd,
                self.store.lease,
                self.clock.now_ms(),
            )
        )
        try:
            held = await ticket.visible
        except asyncio.CancelledError:
            self.store.submit(ops.void(order.run_id, caller.account_id, caller.key_id))
            raise
        if isinstance(held, Refused):
            raise _refusal(held)
        terms = Terms(
            rail="credit" if caller.kind is CallerKind.WALLET else "balance",
            payer=payer_of(caller.account_id),
            max_amount=str(amount_nano_usd),
        )
        return BalanceGrant(self, order.run_id, caller.account_id, caller.key_id, terms)


@dataclass(frozen=True, slots=True)
class BalanceGrant:
    """A hold. The books end it once: after a capture or a release, the other finds nothing to move."""

    rail: BalanceRail
    run_id: str
    account_id: str
    key_id: str | None
    terms: Terms

    @property
    def upfront(self) -> Upfront | None:
        return None

    async def capture(self, outcome: Outcome) -> Settled:
        """Charge, count and record in one commit.

        Nothing was charged when it raises StorageUnavailable (it can't be written, the hold is gone),
        SignerUnavailable, or Unauthorized and InsufficientFunds (what the call starts can't be held any
        more).
        """
        charged_nano_usd = min(outcome.quote.charge_nano_usd(outcome.usage), int(self.terms.max_amount))
        at_ms = self.rail.clock.now_ms()
        try:
            evidence = await self.rail.recorder.evidence(outcome, self.terms, charged_nano_usd)
            facts = PaymentFacts(charged_nano_usd)
            receipt = await self.rail.recorder.receipt(evidence, facts, at_ms)
        except Exception:  # whatever it is: what is not recorded is not charged
            await self.release()
            raise
        answer = await self.rail.store.commit(
            ops.capture(self.run_id, self.account_id, self.key_id, charged_nano_usd, at_ms),
            usage_op(outcome, self.account_id, self.key_id, self.terms.rail, charged_nano_usd),
            evidence_op(evidence, receipt, at_ms),
            *outcome.also(self.account_id),
        )
        if isinstance(answer, Refused):
            await self.release()
            raise _lost(answer)
        captured: ops.Captured = answer[0]
        return Settled(
            charged_nano_usd,
            evidence.wire,
            receipt.wire,
            credit_nano_usd=captured.available_nano_usd if self.terms.rail == "credit" else 0,
        )

    async def release(self) -> None:
        """Give the hold back. A crash before it is written does the same."""
        await self.rail.store.submit(ops.void(self.run_id, self.account_id, self.key_id)).visible


def _lost(refused: Refused) -> BatchinError:
    if refused.code == "no_hold":
        return StorageUnavailable("The reservation of this call is gone.")
    return _refusal(refused)


def _refusal(refused: Refused) -> BatchinError:
    if refused.code in ("insufficient", "over_budget", "no_account"):
        return InsufficientFunds("Insufficient balance or budget exceeded")
    if refused.code == "too_many_open":
        return TooManyOpen(int(refused.detail["most"]))
    if refused.code == "no_key":
        return Unauthorized()
    return InternalError("The call could not be reserved.")
