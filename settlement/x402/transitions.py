"""The arrows of a payment's life, each an operation that applies only from the states it starts in."""

from collections.abc import Collection
from typing import Any

from settlement.x402.payment import Payment, State
from storage.op import Key, Op, Refused, Row, Rows


def reserve(row: Row, key: Key) -> Op:
    """Insert the row of a new payment: None, or the Payment that stands there already; Refused
    ``identifier`` with the ``run_id`` that the payer named so before."""
    named = _identifier_key(row["network"], row["payer"], row["identifier"])

    def fold(rows: Rows) -> Payment | Refused | None:
        known = rows.get(key)
        if known is not None:
            return Payment.from_row(known)
        for name in named:
            taken = rows.get(name)
            if taken is not None:
                return Refused("identifier", {"run_id": taken["run_id"]})
            network, payer, identifier = name.pk
            names = {"network": network, "payer": payer, "identifier": identifier}
            rows.put(name, {**names, "run_id": row["run_id"]})
        rows.put(key, dict(row))
        return None

    return Op((key, *named), fold)


def unname(payment: Payment) -> Op:
    """Forget what the payer named the request of a payment that bought nothing."""
    named = _identifier_key(payment.network, payment.payer, payment.identifier)

    def fold(rows: Rows) -> None:
        for name in named:
            taken = rows.get(name)
            if taken is not None and taken["run_id"] == payment.run_id:
                rows.delete(name)

    return Op(named, fold)


def look(key: Key) -> Op:
    """The Payment under a key, None when there is none."""

    def fold(rows: Rows) -> Payment | None:
        known = rows.get(key)
        return None if known is None else Payment.from_row(known)

    return Op((key,), fold)


def advance(payment: Payment, starts: Collection[State], to: State, at_ms: int, **changes: Any) -> Op:
    """Go on to a state: the Payment as it is then, or Refused ``state`` when it stands elsewhere."""

    def fold(rows: Rows) -> Payment | Refused:
        row = _row(rows, payment)
        if row is None or row["state"] not in starts:
            return Refused("state", {"state": row["state"] if row else "released"})
        row.update(changes, state=to.value, updated_at_ms=at_ms)
        rows.put(payment.key, row)
        return Payment.from_row(row)

    return Op((payment.key,), fold)


def release(payment: Payment) -> Op:
    """Forget a payment whose money never moved, so that its authorization may be used again.

    Whether there was one to forget, or Refused ``state``.
    """

    def fold(rows: Rows) -> bool | Refused:
        row = _row(rows, payment)
        if row is None:
            return False
        moved = row["transaction_hash"] != ""
        if moved or row["state"] not in (State.RESERVED, State.RUNNING):
            return Refused("state", {"state": row["state"]})
        rows.delete(payment.key)
        return True

    return Op((payment.key,), fold)


def found_in(payment: Payment, transaction: str) -> Op:
    """Note that the money of a payment moved in another transaction than was thought (a reorg)."""

    def fold(rows: Rows) -> None:
        row = _row(rows, payment)
        if row is not None:
            rows.put(payment.key, row | {"transaction_hash": transaction})

    return Op((payment.key,), fold)


def shred(payment: Payment) -> Op:
    """Make the sealed result of a payment unreadable for ever."""

    def fold(rows: Rows) -> None:
        row = _row(rows, payment)
        if row is not None:
            row.update(salt=None, box=None, result_expires_at_ms=None)
            rows.put(payment.key, row)

    return Op((payment.key,), fold)


def _identifier_key(network: str, payer: str, identifier: str | None) -> tuple[Key, ...]:
    return () if identifier is None else (Key("payment_identifier", (network, payer, identifier)),)


def _row(rows: Rows, payment: Payment) -> Row | None:
    """The payment's row, unless its key was released and reserved anew by another run since."""
    row = rows.get(payment.key)
    return row if row is not None and row["run_id"] == payment.run_id else None
