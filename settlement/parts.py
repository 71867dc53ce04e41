"""The rail of a job's parts: each is charged from the one hold that the job was accepted with."""

from collections.abc import Callable
from dataclasses import dataclass

from base.clock import Clock
from settlement.evidence.ops import evidence_op
from settlement.evidence.recorder import Recorder
from settlement.evidence.signed import PaymentFacts, Signed
from settlement.ledger import ops
from settlement.ledger.ids import payer_of
from settlement.ledger.usage import usage_op
from settlement.rail import Order, Outcome, Settled, Terms, Upfront
from storage.errors import StorageUnavailable
from storage.op import Op, Refused, Store


@dataclass(frozen=True, slots=True)
class Funds:
    """The hold of a job: ``job_id`` names it. ``rail`` is ``balance`` or ``credit``."""

    job_id: str
    account_id: str
    key_id: str | None
    rail: str


Completion = Callable[[Outcome, int, Signed], Op]
"""Keeps a part's result, given what it was charged and its record, in the commit that charges it. It
refuses, or touches a row that must be new, when the part was completed before."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a job, with a number that is its own."""

    funds: Funds
    number: int
    completion: Completion

    @property
    def id(self) -> str:
        return f"{self.funds.job_id}:{self.number}"


@dataclass(frozen=True, slots=True)
class PartRail:
    """Implements settlement.rail.Rail for one part. Nothing is held: the job's hold covers it."""

    store: Store
    recorder: Recorder
    clock: Clock
    part: Part

    async def authorize(self, order: Order) -> "PartGrant":
        funds = self.part.funds
        terms = Terms(
            rail=funds.rail,
            payer=payer_of(funds.account_id),
            max_amount=str(order.quote.max_nano_usd),
        )
        return PartGrant(self, terms)


@dataclass(frozen=True, slots=True)
class PartGrant:
    """The right to charge one part."""

    rail: PartRail
    terms: Terms

    @property
    def upfront(self) -> Upfront | None:
        return None

    async def capture(self, outcome: Outcome) -> Settled:
        """Charge, count, record and keep the result in one commit.

        Nothing was charged when it raises StorageUnavailable (it can't be written, the job has ended) or
        SignerUnavailable.
        """
        rail, part = self.rail, self.rail.part
        funds = part.funds
        charged = outcome.quote.charge_nano_usd(outcome.usage)
        at_ms = rail.clock.now_ms()
        evidence = await rail.recorder.evidence(outcome, self.terms, charged)
        receipt = await rail.recorder.receipt(evidence, PaymentFacts(charged), at_ms)
        answer = await rail.store.commit(
            ops.charge_part(funds.job_id, funds.account_id, funds.key_id, charged, part.id, at_ms),
            usage_op(outcome, funds.account_id, funds.key_id, funds.rail, charged),
            evidence_op(evidence, receipt, at_ms),
            part.completion(outcome, charged, evidence),
            *outcome.also(funds.account_id),
        )
        if isinstance(answer, Refused):
            raise StorageUnavailable("The job that this call belongs to has ended.")
        return Settled(charged, evidence.wire, receipt.wire)

    async def release(self) -> None:
        """Nothing was reserved."""
