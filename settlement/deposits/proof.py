"""The proof of deposits: what their rows say that was credited is what the books took for them."""

from typing import Any, Final

from sqlalchemy import Select, String, case, func, literal, select, union_all

from base.money import nano_from_atomic, usd_text
from settlement.deposits.deposit import REVERSAL, SOURCE, State
from settlement.deposits.tables import DEPOSIT
from settlement.ledger.tables import TRANSFER
from storage.op import Store

_CREDIT: Final = f"credit:{SOURCE}:"
_TAKEN_BACK: Final = f"{REVERSAL}:"


async def deposit_differences(store: Store) -> tuple[str, ...]:
    """A sentence when they differ; rows and transfers are compared in one snapshot."""
    found = {row["what"]: int(row["a"] or 0) for row in await store.read(union_all(_rows(), _booked()))}
    credited = nano_from_atomic(found["rows"])
    if credited == found["booked"]:
        return ()
    return (
        (
            f"USDC deposits credited {usd_text(credited)} USD by their rows, the books took "
            f"{found['booked']} nano-USD for them"
        ),
    )


def _rows() -> Select[*tuple[Any, ...]]:
    credited = DEPOSIT.c.state == State.CREDITED.value
    return select(
        literal("rows", String).label("what"),
        func.sum(case((credited, DEPOSIT.c.amount_atomic), else_=0)).label("a"),
    )


def _booked() -> Select[*tuple[Any, ...]]:
    came = TRANSFER.c.id.startswith(_CREDIT, autoescape=True)
    went = TRANSFER.c.id.startswith(_TAKEN_BACK, autoescape=True)
    amount = func.sum(case((came, TRANSFER.c.amount), else_=-TRANSFER.c.amount))
    return select(literal("booked", String), amount).where(came | went)
