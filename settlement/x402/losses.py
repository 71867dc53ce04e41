"""Payments that left their chain after their call was answered, and will not come back.

A reorganisation that is deeper than a settlement was waited for, and a payer that used the moment. The
loss is booked, so that the books hold what the chain does, and the wallet is served no more.
"""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select

from base.errors import Forbidden
from base.money import usd_text
from settlement.ledger.ids import CHAIN, LOSS
from settlement.ledger.ops import claw_back, post
from settlement.x402.desk import Desk
from settlement.x402.payment import Payment, State
from settlement.x402.sale import Flow
from settlement.x402.tables import PAYMENT
from settlement.x402.transitions import advance
from storage.op import Op

LOSABLE: Final = frozenset({State.SETTLED, State.CREDITED})
"""Ends at which the money had come; before them a run still holds it."""


class WalletRefused(Forbidden):
    """The wallet took an answer whose payment left its chain."""

    resolution = (
        "Ask the operator, who can book the debt as repaid or forgiven, and name the payment's run."
    )


@dataclass(slots=True)
class Losses:
    """Which wallets took what they did not pay for. A wallet is its address, on every network."""

    desk: Desk
    _by_payer: dict[str, Payment] | None = field(default=None)

    async def check(self, payer: str) -> None:
        """Raises WalletRefused."""
        lost = (await self._known()).get(payer.lower())
        if lost is not None:
            raise WalletRefused(
                f"This wallet is not served: its payment of {usd_text(lost.paid_nano_usd)} USD for "
                f"{lost.run_id} left its chain after the answer."
            )

    async def book(self, payment: Payment, reason: str) -> None:
        """Take the payment out of the books: from the wallet's credit what is left of it, the rest is
        lost. In one commit, once. Raises Moved when the payment stands elsewhere."""
        at_ms = self.desk.clock.now_ms()
        step = advance(payment, LOSABLE, State.LOST, at_ms, reason=reason, salt=None, box=None)
        lost = await self.desk.commit(step, *_postings(payment, at_ms))
        (await self._known())[payment.payer] = lost

    def forget(self) -> None:
        """Look anew whom not to serve: a debt ended."""
        self._by_payer = None

    async def _known(self) -> dict[str, Payment]:
        if self._by_payer is None:
            query = select(PAYMENT).where(PAYMENT.c.state == State.LOST.value)
            rows = map(Payment.from_row, await self.desk.store.read(query))
            self._by_payer = {payment.payer: payment for payment in rows}
        return self._by_payer


def _postings(payment: Payment, at_ms: int) -> tuple[Op, ...]:
    """What the wallet had of it, and what the run cost; paid upfront, the wallet had all of it."""
    run_id, account_id = payment.run_id, payment.account_id
    upfront = payment.flow is Flow.UPFRONT
    credit = payment.paid_nano_usd if upfront else payment.credit_nano_usd
    back = claw_back(
        f"x402-lost-credit:{run_id}",
        account_id,
        credit,
        "loss",
        run_id,
        at_ms,
        to=CHAIN,
        borne_by=LOSS,
    )
    if upfront:
        return (back,)
    charged = payment.charged_nano_usd
    return back, post(f"x402-lost:{run_id}", LOSS, CHAIN, charged, "loss", run_id, at_ms)
