"""One top-up: from its order to the money, and back when the payer gets it back."""

from dataclasses import dataclass
from enum import StrEnum

from storage.op import Key, Row


class State(StrEnum):
    """``pending`` until the payment provider says that it was paid."""

    PENDING = "pending"
    PAID = "paid"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Order:
    """``amount_minor`` is what is paid, in the smallest unit of ``currency``; ``amount_nano_usd`` is
    credited for it, fixed when the order was made. ``refunded_minor`` is what the payer got back in all.
    ``session_id`` and ``payment_id`` are the provider's names for it, empty while unknown."""

    id: str
    account_id: str
    source: str
    session_id: str
    payment_id: str
    currency: str
    amount_minor: int
    amount_nano_usd: int
    refunded_minor: int
    state: State
    created_at_ms: int
    paid_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Paid:
    """A provider's word that an order was paid, after its signature was checked."""

    order_id: str
    session_id: str
    payment_id: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Refunded:
    """What a payer got back of a payment, in all."""

    payment_id: str
    total_minor: int


@dataclass(frozen=True, slots=True)
class Disputed:
    """A bank took a payment back, or returned it when the dispute was won."""

    payment_id: str
    dispute_id: str
    amount_minor: int
    returned: bool


Event = Paid | Refunded | Disputed


def order_key(order_id: str) -> Key:
    return Key("topup", (order_id,))


def order_row(order: Order) -> Row:
    return {
        "id": order.id,
        "account_id": order.account_id,
        "source": order.source,
        "session_id": order.session_id,
        "payment_id": order.payment_id,
        "currency": order.currency,
        "amount_minor": order.amount_minor,
        "amount_nano": order.amount_nano_usd,
        "refunded_minor": order.refunded_minor,
        "state": order.state.value,
        "created_at_ms": order.created_at_ms,
        "paid_at_ms": order.paid_at_ms,
    }


def order_from(row: Row) -> Order:
    return Order(
        id=row["id"],
        account_id=row["account_id"],
        source=row["source"],
        session_id=row["session_id"],
        payment_id=row["payment_id"],
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        amount_nano_usd=row["amount_nano"],
        refunded_minor=row["refunded_minor"],
        state=State(row["state"]),
        created_at_ms=row["created_at_ms"],
        paid_at_ms=row["paid_at_ms"],
    )
