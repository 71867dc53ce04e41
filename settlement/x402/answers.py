"""What is answered for a payment: the settled call, the stored one, or why it buys nothing more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from base.errors import InternalError
from settlement.rail import Moved, Order, Replay, Settled, Upfront
from settlement.x402.check import Claim
from settlement.x402.desk import Desk
from settlement.x402.errors import PaymentReused, SettlementPending
from settlement.x402.payment import LEFT, Payment, State, signed_text


async def settled(
    payment: Payment,
    evidence: Mapping[str, Any],
    receipt: Mapping[str, Any],
    desk: Desk,
    moved_s: Moved | None = None,
) -> Settled:
    """The end of a call whose payment is settled; ``moved_s`` as in Settled."""
    return Settled(
        charged_nano_usd=payment.charged_nano_usd,
        evidence=evidence,
        receipt=receipt,
        settlement=await desk.statements.settlement(
            payment.settlement, payment.resource, evidence, receipt
        ),
        credit_nano_usd=payment.credit_nano_usd,
        access_token=desk.token_of(payment),
        moved_s=moved_s,
    )


@dataclass(frozen=True, slots=True)
class Known:
    """Answers a payment that has a row already, to its payer alone: the signature was checked."""

    desk: Desk

    async def answer(self, payment: Payment, claim: Claim, order: Order) -> Replay:
        """The stored result, for the very same payment and request.

        Raises PaymentReused and SettlementPending.
        """
        if payment.payload != signed_text(claim) or not _same_request(payment, order):
            raise PaymentReused("This payment was made for another request.")
        return await self._answer(payment)

    async def named(self, payment: Payment | None, order: Order) -> Replay:
        """The same for another payment of this payer, which names its request as the first did: a
        client that pays anew because it does not know what became of the first. Nothing is taken."""
        if payment is None:
            raise PaymentReused(
                "A request with this payment identifier was in progress.",
                resolution="Send the same request with the same payment again.",
            )
        if not _same_request(payment, order):
            raise PaymentReused(
                "This payment identifier was used for another request.",
                resolution="Name each new request by a new payment identifier.",
            )
        return await self._answer(payment)

    async def _answer(self, payment: Payment) -> Replay:
        if payment.state is State.SETTLED:
            return await self._stored(payment)
        if payment.state is State.CREDITED:
            self._tell_credit(payment)
        if payment.state is State.FAILED:
            raise PaymentReused(
                f"This payment could not be settled ({payment.reason}); nothing was charged.",
                resolution="Sign a new payment.",
            )
        if payment.state is State.LOST:
            raise PaymentReused("This payment left its chain after its call was answered; it is owed.")
        if payment.state in LEFT:
            raise PaymentReused(
                "This payment left its chain after its call was answered, and that is made good.",
                resolution="Sign a new payment.",
            )
        if payment.state is State.PENDING:
            raise SettlementPending(payment.run_id)
        raise PaymentReused(
            "This payment's call is in progress.",
            resolution="Wait, and send the same request with the same payment again: it is paid once.",
        )

    async def _stored(self, payment: Payment) -> Replay:
        expires_at_ms = payment.result_expires_at_ms or 0
        if payment.sealed is None or self.desk.clock.now_ms() >= expires_at_ms:
            raise PaymentReused(
                "This payment's call was answered, and its result is not kept any more.",
                resolution="Sign a new payment.",
            )
        evidence = await self.desk.proofs.signed(payment.run_id)
        receipt = await self.desk.proofs.receipt(payment.run_id)
        if evidence is None or receipt is None:
            raise InternalError(f"The record of {payment.run_id} is missing.")
        result = self.desk.sealer.open(payment.sealed)
        answer = await settled(payment, evidence.wire, receipt, self.desk)
        return Replay(payment.run_id, result, answer)

    def _tell_credit(self, payment: Payment) -> NoReturn:
        error = PaymentReused(
            "This payment's call came to nothing, and what it paid is your wallet's credit.",
            resolution="Sign in with the wallet (GET, POST /v1/sign-in) and send the request "
            "with the token of that answer as Authorization: Bearer; with a key_name it has an API key "
            "for the credit too.",
            headers={"Cache-Control": "no-store"},
        )
        error.upfront = Upfront(payment.settlement, None)
        raise error


def _same_request(payment: Payment, order: Order) -> bool:
    return (
        payment.request_hash == order.request_hash
        and payment.resource == order.resource.url
        and payment.tool == order.tool
    )
