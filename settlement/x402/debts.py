"""What wallets owe for payments that left their chain, and how such a debt ends: repaid or forgiven.

The account ``loss`` holds what is owed. A debt ends by one posting to it, from ``funding`` (the money
came some other way) or from ``written_off`` (it will not come), and the payment is no longer ``lost``:
its wallet is served again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, case, func, or_, select

from base.clock import Clock
from base.errors import NotFound, NotReady
from base.ids import run_id_from
from settlement.ledger.ids import FUNDING, LOSS, WRITTEN_OFF
from settlement.ledger.ops import post
from settlement.ledger.tables import TRANSFER
from settlement.x402.payment import Payment, State
from settlement.x402.tables import PAYMENT
from settlement.x402.transitions import advance
from storage.op import Refused, Store

ENDS: Final[Mapping[State, str]] = {State.REPAID: FUNDING, State.FORGIVEN: WRITTEN_OFF}
"""How a debt ends, and the account that its posting comes from."""
_MOST_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Debt:
    """A payment that left its chain, and what of it nobody has made good, in nano-USD."""

    payment: Payment
    owed_nano_usd: int


@dataclass(frozen=True, slots=True)
class Debts:
    """The debts of all wallets."""

    store: Store
    clock: Clock

    async def owed(self) -> Sequence[Debt]:
        """Oldest first."""
        return await self._where(PAYMENT.c.state == State.LOST.value)

    async def end(self, any_id: str, end: State, note: str | None) -> Debt:
        """End the debt of a payment, named by any id of its run: the debt that it was. Once. ``note`` is
        told with the payment from then on.

        Raises NotFound without such a payment, NotReady where it owes nothing.
        """
        run_id = run_id_from(any_id)
        found = await self._where(PAYMENT.c.run_id == run_id) if run_id else ()
        if not found:
            raise NotFound(f"There is no payment {any_id}.", param="run_id")
        (debt,) = found
        at_ms = self.clock.now_ms()
        reason = note or debt.payment.reason
        step = advance(debt.payment, frozenset({State.LOST}), end, at_ms, reason=reason)
        answer = await self.store.commit(
            step,
            post(
                f"x402-{end.value}:{run_id}",
                ENDS[end],
                LOSS,
                debt.owed_nano_usd,
                end.value,
                debt.payment.run_id,
                at_ms,
            ),
        )
        if isinstance(answer, Refused):
            raise NotReady(
                f"The payment of {run_id} owes nothing: it is {debt.payment.state.value}.",
                param="run_id",
                resolution="batchin ledger owed lists what is owed.",
            )
        return debt

    async def _where(self, condition: ColumnElement[bool]) -> Sequence[Debt]:
        query = select(PAYMENT).where(condition).order_by(PAYMENT.c.created_at_ms, PAYMENT.c.run_id)
        payments = [Payment.from_row(row) for row in await self.store.read(query)]
        runs = [payment.run_id for payment in payments]
        sums = select(TRANSFER.c.ref, func.sum(_owed()).label("owed")).where(
            TRANSFER.c.ref.in_(runs), _of_loss()
        )
        rows = await self.store.read(sums.group_by(TRANSFER.c.ref))
        owed = {row["ref"]: int(row["owed"]) for row in rows}
        return [Debt(payment, owed.get(payment.run_id, 0)) for payment in payments]


async def debt_differences(store: Store) -> tuple[str, ...]:
    """A sentence for each payment that the account ``loss`` bears and that is not lost."""
    owed = func.sum(_owed())
    query = (
        select(TRANSFER.c.ref, PAYMENT.c.state, owed.label("owed"))
        .select_from(TRANSFER.outerjoin(PAYMENT, PAYMENT.c.run_id == TRANSFER.c.ref))
        .where(_of_loss(), or_(PAYMENT.c.state.is_(None), PAYMENT.c.state != State.LOST.value))
        .group_by(TRANSFER.c.ref, PAYMENT.c.state)
        .having(owed != 0)
        .order_by(TRANSFER.c.ref)
        .limit(_MOST_NAMED)
    )
    return tuple(
        f"{row['ref']} ({row['state']}): the account loss bears {int(row['owed'])} nano-USD for it"
        for row in await store.read(query)
    )


def _of_loss() -> ColumnElement[bool]:
    return or_(TRANSFER.c.debit == LOSS, TRANSFER.c.credit == LOSS)


def _owed() -> ColumnElement[int]:
    return case((TRANSFER.c.debit == LOSS, TRANSFER.c.amount), else_=-TRANSFER.c.amount)
