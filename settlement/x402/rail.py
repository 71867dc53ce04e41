"""The x402 rail: ``exact`` at the quoted maximum and ``upto`` at what was used, for HTTP and MCP."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import select

from base.errors import ServiceUnavailable
from base.money import NANO_MAX, nano_from_atomic, usd_text
from settlement.rail import Grant, Order, Replay
from settlement.x402 import reasons
from settlement.x402.after_run import AfterRun
from settlement.x402.answers import Known
from settlement.x402.before_run import BeforeRun
from settlement.x402.challenge import challenge_of
from settlement.x402.check import (
    Checker,
    Claim,
    NotSigned,
    is_for,
    misfit,
    network_named,
    offer_taken,
)
from settlement.x402.collector import Collector
from settlement.x402.decode import V2_HEADER
from settlement.x402.desk import Desk
from settlement.x402.errors import (
    AllowanceRequired,
    BalanceTooLow,
    PaymentInvalid,
    PaymentRequired,
    PaymentUnavailable,
    SettlementFailed,
    SettlementPending,
)
from settlement.x402.exposure import Exposure
from settlement.x402.facilitator import SettlementState
from settlement.x402.grants import AuthorizedGrant, PaidGrant
from settlement.x402.losses import Losses
from settlement.x402.payload import Payment as SentPayment
from settlement.x402.payload import PaymentV1, payment_from
from settlement.x402.payment import Payment, payment_key, reserved_row
from settlement.x402.reconciliation import Reconciliation
from settlement.x402.recovery import Recovery
from settlement.x402.sale import MCP_URL, Flow, Offer, Sale, offers_of
from settlement.x402.statements import Statements
from settlement.x402.tables import PAYMENT
from settlement.x402.transitions import look, reserve
from settlement.x402.wallets import KeysAlone, Wallets
from storage.errors import StorageUnavailable
from storage.op import Refused

_MCP_PARAM: Final = "_meta.x402/payment"
_ASKED: Final = "Payment required"
_MOST_CALLS: Final = 32
_TOO_LOW: Final = "Insufficient balance or budget exceeded."


class _Misfit(Exception):
    """A payment can't pay what is asked. ``reason`` is x402's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Asked:
    """An order with what is asked for it; makes the errors that carry a challenge."""

    order: Order
    offers: Sequence[Offer]
    statements: Statements
    v1: bool = False

    async def required(self) -> PaymentRequired:
        price = usd_text(nano_from_atomic(self.offers[0].amount_atomic))
        if self.order.quote.bought_nano_usd:
            message = (
                f"This balance is bought by x402 with {price} USD, and all of it is yours to spend."
            )
            return PaymentRequired(message, await self._challenge(_ASKED), v1=self.v1)
        message = (
            f"This call is paid by x402 with at most {price} USD; what is taken and not used is your "
            "credit."
        )
        if self.order.caller.account_id is None:
            return PaymentRequired(message, await self._challenge(_ASKED), v1=self.v1)
        return BalanceTooLow(f"{_TOO_LOW} {message}", await self._challenge(_ASKED), v1=self.v1)

    async def invalid(self, reason: str) -> PaymentInvalid:
        if reason == reasons.ALLOWANCE:
            return AllowanceRequired(reason, await self._challenge(reason), v1=self.v1)
        return PaymentInvalid(reason, await self._challenge(reason), v1=self.v1)

    async def failed(self, reason: str) -> SettlementFailed:
        return SettlementFailed(reason, await self._challenge(reason), v1=self.v1)

    async def _challenge(self, error: str) -> Mapping[str, Any]:
        return await challenge_of(self.order.resource, self.offers, error, self.statements)


class X402Rail:
    """Implements settlement.rail.Rail. Bytes of a result leave only when its payment is settled.

    Run ``recovery`` beside it: ``recover()`` before any call is served, then ``forever()``; and
    ``reconciliation``. ``wallets`` tells whether contracts signed (ERC-1271). ``others``
    are the terms on more networks than ``sale``'s, which quotes and documents name. ``exposure`` bounds
    what runs before its money has moved.
    """

    def __init__(
        self,
        sale: Sale,
        desk: Desk,
        collector: Collector,
        wallets: Wallets | None = None,
        others: Sequence[Sale] = (),
        exposure: Exposure | None = None,
    ) -> None:
        self._sale = sale
        self._sales = (sale, *others)
        self._desk = desk
        self._collector = collector
        self.wallets = wallets or KeysAlone()
        self._checkers = {each.asset.network: Checker(each.asset) for each in self._sales}
        self._known = Known(desk)
        least = {each.asset.network: each.min_charge_atomic for each in self._sales}
        self._after_run = AfterRun(desk, least)
        self._before_run = BeforeRun(desk)
        self._live: set[str] = set()
        self._exposure = exposure or Exposure(_MOST_CALLS, NANO_MAX)
        self.recovery = Recovery(desk, collector, self._live, self._exposure)
        self._losses = Losses(desk)
        self.reconciliation = Reconciliation(desk.store, collector.facilitator, desk.clock, self._losses)

    def price(self, amount_nano_usd: int) -> Mapping[str, str]:
        """What a call that costs at most this is paid with, as the quote tool shows it."""
        return self._sale.price(amount_nano_usd)

    async def authorize(self, order: Order) -> Grant | Replay:
        """Reserve and verify the payment of an order; an upfront payment is settled too.

        Raises PaymentRequired (none was sent), PaymentMalformed, PaymentInvalid, PaymentReused,
        PaymentUnavailable, SettlementFailed, SettlementPending, TooMuchUnsettled and WalletRefused.
        """
        asked = _Asked(order, offers_of(self._sales, order), self._desk.statements)
        if order.payment is None:
            raise await asked.required()
        payment = payment_from(order.payment, _param(order))
        asked = replace(asked, v1=isinstance(payment, PaymentV1))
        try:
            claim = self._claim(payment)
        except NotSigned as error:
            raise await asked.invalid(error.reason) from None
        await self._losses.check(claim.authorization.payer)
        try:
            offer = self._offer_for(claim, asked)
        except _Misfit as error:
            return await self._misfit(asked, claim, error.reason)
        await self._proved(asked, claim)
        return await self._reserve(asked, claim, offer)

    def _claim(self, payment: SentPayment) -> Claim:
        """Raises NotSigned."""
        network = network_named(payment, self._checkers)
        if network is None:
            raise NotSigned(reasons.NETWORK_MISMATCH)
        return self._checkers[network].claim(payment)

    def _offer_for(self, claim: Claim, asked: _Asked) -> Offer:
        """The offer that a payment can pay now. Raises _Misfit."""
        if not is_for(claim.payment, asked.order.resource.url):
            raise _Misfit(reasons.RESOURCE)
        offer = offer_taken(claim.payment, asked.offers)
        if offer is None:
            raise _Misfit(reasons.NO_MATCH)
        now_s = self._desk.clock.now_ms() // 1000
        reason = misfit(claim, offer, now_s, self._sale.needed_s)
        if reason is not None:
            raise _Misfit(reason)
        return offer

    async def _misfit(self, asked: _Asked, claim: Claim, reason: str) -> Replay:
        """A payment that does not fit now may still be a known one: prices change, windows close."""
        known = (await self._desk.store.commit(look(payment_key(claim))))[0]
        if known is None:
            raise await asked.invalid(reason if claim.signed else claim.refusal)
        await self._proved(asked, claim)
        return await self._known.answer(known, claim, asked.order)

    async def _proved(self, asked: _Asked, claim: Claim) -> None:
        """The payer's key signed it, or the payer is a contract that says so."""
        if claim.signed:
            return
        signed = claim.authorization
        try:
            proved = await self.wallets.signed(
                signed.network, signed.payer, claim.digest, signed.signature
            )
        except ServiceUnavailable as error:
            raise PaymentUnavailable(error.message) from error
        if not proved:
            raise await asked.invalid(claim.refusal)

    async def _reserve(self, asked: _Asked, claim: Claim, offer: Offer) -> Grant | Replay:
        order = asked.order
        row = reserved_row(order, claim, offer, self._desk.lease, self._desk.clock.now_ms())
        self._live.add(order.run_id)
        try:
            answer = await self._desk.store.commit(reserve(row, payment_key(claim)))
            if not isinstance(answer, Refused) and answer[0] is None:
                return await self._open(asked, Payment.from_row(row))
        except StorageUnavailable as error:
            self._live.discard(order.run_id)
            raise PaymentUnavailable(error.message) from error
        except BaseException:
            self._live.discard(order.run_id)
            raise
        self._live.discard(order.run_id)
        if isinstance(answer, Refused):
            return await self._known.named(await self._named(answer.detail["run_id"]), order)
        return await self._known.answer(answer[0], claim, order)

    async def _named(self, run_id: str) -> Payment | None:
        """The payment by whose identifier another one comes, None when it was released meanwhile."""
        rows = await self._desk.store.read(select(PAYMENT).where(PAYMENT.c.run_id == run_id))
        return Payment.from_row(rows[0]) if rows else None

    async def _open(self, asked: _Asked, payment: Payment) -> Grant:
        try:
            if payment.flow is Flow.AUTHORIZATION:
                self._exposure.open(payment)
            await self._verify(asked, payment)
            if payment.flow is Flow.UPFRONT:
                return await self._taken(asked, payment)
            running = await self._after_run.running(payment)
        except BaseException:
            self._exposure.close(payment.run_id)
            with suppress(StorageUnavailable):  # then recovery does it
                await self._after_run.released(payment)  # refused, harmless, once money is under way
            raise
        told = (asked.failed, self._ended, self._left)
        return AuthorizedGrant(running, self._after_run, self._collector, *told)

    def _ended(self, run_id: str) -> None:
        self._live.discard(run_id)
        self._exposure.close(run_id)

    def _left(self, run_id: str) -> None:
        self._live.discard(run_id)
        self._exposure.leave(run_id)

    async def _verify(self, asked: _Asked, payment: Payment) -> None:
        try:
            reason = await self._collector.facilitator.verify(payment.authorization)
        except ServiceUnavailable as error:
            raise PaymentUnavailable(error.message) from error
        if reason is not None:
            raise await asked.invalid(reason)

    async def _taken(self, asked: _Asked, payment: Payment) -> Grant:
        try:
            return await self._take(asked, payment)
        except StorageUnavailable as error:  # the money may be under way
            raise SettlementPending(payment.run_id) from error

    async def _take(self, asked: _Asked, payment: Payment) -> Grant:
        """Settle before the run."""
        clock = self._desk.clock
        asked_s = clock.monotonic_s()
        settlement = await self._collector.wait(payment, await self._collector.collect(payment))
        if settlement.state is SettlementState.PENDING:
            raise SettlementPending(payment.run_id)
        if settlement.state is SettlementState.REFUSED:
            await self._before_run.failed(payment, settlement.reason)
            raise await asked.failed(settlement.reason)
        moved_s = (asked_s, clock.monotonic_s())
        paid = await self._before_run.paid(payment, settlement.transaction)
        running = await self._before_run.running(paid)
        return PaidGrant(running, self._before_run, self._live.discard, moved_s)


def _param(order: Order) -> str:
    return _MCP_PARAM if order.resource.url.startswith(MCP_URL) else V2_HEADER
