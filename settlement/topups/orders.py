"""The orders of top-ups in the books: made, credited once, reversed as the payer gets money back."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select

from base.clock import Clock
from base.errors import NotFound
from base.ids import new_uuid
from base.money import NANO_PER_CENT
from settlement.ledger import ops
from settlement.topups.order import (
    Disputed,
    Event,
    Order,
    Paid,
    Refunded,
    State,
    order_from,
    order_key,
    order_row,
)
from settlement.topups.tables import TOPUP
from storage.op import Op, Refused, Rows, Store

_log: Final = logging.getLogger("batchin.topups")


@dataclass(frozen=True, slots=True)
class Orders:
    """Events may come any number of times, in any order: the books end the same."""

    store: Store
    clock: Clock

    async def open(
        self, account_id: str, source: str, currency: str, amount_minor: int, amount_nano_usd: int
    ) -> Order:
        """Make an order, durable before anybody is asked to pay it."""
        order = Order(
            id=str(new_uuid()),
            account_id=account_id,
            source=source,
            session_id="",
            payment_id="",
            currency=currency,
            amount_minor=amount_minor,
            amount_nano_usd=amount_nano_usd,
            refunded_minor=0,
            state=State.PENDING,
            created_at_ms=self.clock.now_ms(),
            paid_at_ms=None,
        )
        key = order_key(order.id)

        def fold(rows: Rows) -> None:
            rows.put(key, order_row(order))

        await self.store.commit(Op((), fold, fresh=(key,)))
        return order

    async def attach(self, order: Order, session_id: str) -> Order:
        """Note the provider's session of an order: no other pays it from now on."""
        key = order_key(order.id)

        def fold(rows: Rows) -> None:
            row = rows.get(key)
            if row is not None and not row["session_id"]:
                rows.put(key, {**row, "session_id": session_id})

        await self.store.commit(Op((key,), fold))
        return replace(order, session_id=session_id)

    async def history(self, account_id: str) -> Sequence[Order]:
        """An account's top-ups that were paid, the newest first."""
        query = (
            select(TOPUP)
            .where(TOPUP.c.account_id == account_id, TOPUP.c.state != State.PENDING.value)
            .order_by(TOPUP.c.id.desc())
        )
        return [order_from(row) for row in await self.store.read(query)]

    async def take(self, source: str, event: Event) -> bool:
        """Put an event into the books; False when it changes nothing there (it came before).

        Raises NotFound for an event that fits no order: the provider tells it again later.
        """
        if isinstance(event, Paid):
            return await self._pay(source, event)
        order = await self._of_payment(source, event.payment_id)
        if isinstance(event, Refunded):
            return await self._refund(order, event)
        return await self._dispute(order, event)

    async def _pay(self, source: str, paid: Paid) -> bool:
        found = await self.store.read(select(TOPUP).where(TOPUP.c.id == paid.order_id))
        if not found:
            raise _no_order(source, paid.order_id)
        order = order_from(found[0])
        now_ms = self.clock.now_ms()
        answer = await self.store.commit(
            _mark_paid(order, source, paid, now_ms),
            ops.credit(order.account_id, order.amount_nano_usd, source, order.id, now_ms),
        )
        if not isinstance(answer, Refused):
            _log.info("topped up", extra={"order": order.id, "source": source})
            return True
        if answer.code == "duplicate":
            return False
        _log.error("a payment fits no order", extra={"order": order.id, "why": answer.code})
        raise _no_order(source, paid.order_id)

    async def _refund(self, order: Order, refunded: Refunded) -> bool:
        """What was refunded in all is told: the books follow by the difference."""
        key, now_ms = order_key(order.id), self.clock.now_ms()
        total_minor = min(refunded.total_minor, order.amount_minor)
        before_nano = order.amount_nano_usd * order.refunded_minor // order.amount_minor
        after_nano = order.amount_nano_usd * total_minor // order.amount_minor

        def fold(rows: Rows) -> Refused | None:
            row = rows.get(key)
            if row is None or row["refunded_minor"] != order.refunded_minor:
                return Refused("changed")
            whole = total_minor == order.amount_minor
            state = State.REFUNDED.value if whole else row["state"]
            rows.put(key, {**row, "refunded_minor": total_minor, "state": state})
            return None

        if total_minor <= order.refunded_minor:
            return False
        ref = f"refund:{order.id}:{total_minor}"
        taken = ops.claw_back(
            ref, order.account_id, after_nano - before_nano, "refund", order.id, now_ms
        )
        answer = await self.store.commit(Op((key,), fold), taken)
        if not isinstance(answer, Refused):
            return True
        if answer.code == "changed":
            return await self._refund(await self._of_payment(order.source, order.payment_id), refunded)
        _log.error("a refund is not booked", extra={"order": order.id, "why": answer.code})
        raise _no_order(order.source, order.payment_id)

    async def _dispute(self, order: Order, disputed: Disputed) -> bool:
        now_ms = self.clock.now_ms()
        share_minor = min(disputed.amount_minor, order.amount_minor)
        nano = order.amount_nano_usd * share_minor // order.amount_minor
        ref = f"dispute:{disputed.dispute_id}"
        if disputed.returned:
            op = ops.hand_back(ref, order.account_id, nano, "dispute", disputed.dispute_id, now_ms)
        else:
            op = ops.claw_back(ref, order.account_id, nano, "dispute", order.id, now_ms)
        return not isinstance(await self.store.commit(op), Refused)

    async def _of_payment(self, source: str, payment_id: str) -> Order:
        query = select(TOPUP).where(TOPUP.c.source == source, TOPUP.c.payment_id == payment_id)
        found = await self.store.read(query) if payment_id else ()
        if not found:
            raise _no_order(source, payment_id)
        return order_from(found[0])


def bought_op(run_id: str, wallet_id: str, account_id: str, cents: int, at_ms: int) -> tuple[Op, ...]:
    """A balance bought by x402, in the commit that ends its payment: the money is on the wallet's
    account, and goes on to ``account_id`` where that is another."""
    nano_usd = cents * NANO_PER_CENT
    order = Order(
        id=str(new_uuid()),
        account_id=account_id,
        source="x402",
        session_id=run_id,
        payment_id=run_id,
        currency="usd",
        amount_minor=cents,
        amount_nano_usd=nano_usd,
        refunded_minor=0,
        state=State.PAID,
        created_at_ms=at_ms,
        paid_at_ms=at_ms,
    )
    key = order_key(order.id)

    def fold(rows: Rows) -> None:
        rows.put(key, order_row(order))

    kept = Op((), fold, fresh=(key,))
    if account_id == wallet_id:
        return (kept,)
    moved = ops.post(f"credits:{run_id}", wallet_id, account_id, nano_usd, "credits", run_id, at_ms)
    return kept, moved


def _mark_paid(order: Order, source: str, paid: Paid, at_ms: int) -> Op:
    """None, or Refused: why the payment is not of this order. Its credit, in the same commit, has the
    order's id: it is that which is there once."""
    key = order_key(order.id)

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(key)
        if row is None or row["source"] != source:
            return Refused("no_order")
        if (row["currency"], row["amount_minor"]) != (paid.currency, paid.amount_minor):
            return Refused("other_amount")
        if row["session_id"] not in ("", paid.session_id):
            return Refused("other_session")
        rows.put(
            key,
            {
                **row,
                "session_id": paid.session_id,
                "payment_id": paid.payment_id,
                "state": State.PAID.value,
                "paid_at_ms": at_ms,
            },
        )
        return None

    return Op((key,), fold)


def _no_order(source: str, name: str) -> NotFound:
    return NotFound(f"No {source} top-up fits {name!r}.", resolution="Nothing was credited.")
