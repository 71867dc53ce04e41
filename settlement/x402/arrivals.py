"""What arrived by x402, by the payments' rows and by the transfers of the books, in one look."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, and_, case, func, literal, or_, select, union_all

from base.money import nano_from_atomic
from settlement.ledger.ids import CHAIN, RECEIVABLE
from settlement.ledger.tables import TRANSFER, USAGE
from settlement.x402.payment import FINAL, LEFT, RAIL, State
from settlement.x402.sale import Flow
from settlement.x402.tables import PAYMENT
from storage.op import Store

_UPFRONT: Final = PAYMENT.c.flow == Flow.UPFRONT.value
ARRIVED: Final = or_(
    PAYMENT.c.state.in_((State.SETTLED.value, State.CREDITED.value)),
    and_(_UPFRONT, PAYMENT.c.state.in_((State.PAID.value, State.RUNNING.value))),
)
"""The payments whose money is here."""
_LOST: Final = PAYMENT.c.state.in_([state.value for state in LEFT])
_DUE: Final = and_(
    ~_UPFRONT,
    PAYMENT.c.state.in_((State.DONE.value, State.SETTLING.value, State.PENDING.value)),
)
_FIGURES: Final = ("payments", "received", "booked", "charged", "due", "owed", "open", "lost")
_MOVED: Final = case(
    (ARRIVED, func.coalesce(PAYMENT.c.settles_atomic, PAYMENT.c.amount_atomic)), else_=0
)
_MOST_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The payments in one asset (CAIP-2 network, address). ``received_atomic`` is what their rows say
    that moved, ``booked_nano_usd`` what the books took from the chain for them; ``charged_nano_usd`` is
    the part of it that runs cost, the rest is credit of wallets. ``due_nano_usd`` is charged and not
    settled yet, ``owed_nano_usd`` what the books say is still to come. ``open`` counts the payments that
    are not at their end; ``lost_nano_usd`` is what runs cost whose payments left their chain."""

    network: str
    asset: str
    payments: int = 0
    received_atomic: int = 0
    booked_nano_usd: int = 0
    charged_nano_usd: int = 0
    due_nano_usd: int = 0
    owed_nano_usd: int = 0
    open: int = 0
    lost_nano_usd: int = 0

    @property
    def credit_nano_usd(self) -> int:
        return nano_from_atomic(self.received_atomic) - self.charged_nano_usd

    @property
    def differences(self) -> tuple[str, ...]:
        """A sentence for each figure that is not what another says it is."""
        received = nano_from_atomic(self.received_atomic)
        where, found = f"{self.network} {self.asset}", []
        if received != self.booked_nano_usd:
            found.append(
                f"{where}: payments received {received} nano-USD, the books took {self.booked_nano_usd} "
                "from the chain"
            )
        if self.due_nano_usd != self.owed_nano_usd:
            found.append(
                f"{where}: payments are still due {self.due_nano_usd} nano-USD, the books expect "
                f"{self.owed_nano_usd}"
            )
        return tuple(found)


async def arrivals(store: Store) -> tuple[tuple[Arrivals, ...], tuple[str, ...]]:
    """The payments by asset, and a sentence for each thing that does not fit: rows, transfers and usage
    are compared in one snapshot."""
    sums: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    used = 0
    for row in await store.read(union_all(_rows(), _taken(CHAIN), _taken(RECEIVABLE), _used())):
        if row["what"] == "used":
            used = int(row["a"] or 0)
        elif row["network"] is not None:  # what is not of a payment is somebody else's to explain
            sums[row["network"], row["asset"]] |= _figures(row)
    found = tuple(
        Arrivals(network, asset, *(figures.get(name, 0) for name in _FIGURES))
        for (network, asset), figures in sorted(sums.items())
    )
    differences = [text for one in found for text in one.differences]
    charged = sum(one.charged_nano_usd + one.due_nano_usd + one.lost_nano_usd for one in found)
    if charged != used:
        differences.append(f"payments were charged {charged} nano-USD, the usage of their runs {used}")
    if differences:
        differences += await _named(store)
    return found, tuple(differences)


def _rows() -> Select[*tuple[Any, ...]]:
    return select(
        literal("rows", String).label("what"),
        PAYMENT.c.network.label("network"),
        PAYMENT.c.asset.label("asset"),
        func.count().label("n"),
        func.sum(_MOVED).label("a"),
        func.sum(case((ARRIVED, PAYMENT.c.charged_nano_usd), else_=0)).label("b"),
        func.sum(case((_DUE, PAYMENT.c.charged_nano_usd), else_=0)).label("c"),
        func.sum(case((PAYMENT.c.state.in_([state.value for state in FINAL]), 0), else_=1)).label("d"),
        func.sum(case((_LOST, PAYMENT.c.charged_nano_usd), else_=0)).label("e"),
    ).group_by(PAYMENT.c.network, PAYMENT.c.asset)


def _taken(account: str) -> Select[*tuple[Any, ...]]:
    """What left a system account for payments, less what came back."""
    mine = or_(TRANSFER.c.debit == account, TRANSFER.c.credit == account)
    nothing = literal(0)
    return (
        select(
            literal(account, String),
            PAYMENT.c.network,
            PAYMENT.c.asset,
            func.count(),
            func.sum(_signed(account)),
            nothing,
            nothing,
            nothing,
            nothing,
        )
        .select_from(TRANSFER.outerjoin(PAYMENT, PAYMENT.c.run_id == TRANSFER.c.ref))
        .where(mine)
        .group_by(PAYMENT.c.network, PAYMENT.c.asset)
    )


def _signed(account: str) -> ColumnElement[int]:
    return case((TRANSFER.c.debit == account, TRANSFER.c.amount), else_=-TRANSFER.c.amount)


def _used() -> Select[*tuple[Any, ...]]:
    none, nothing = literal(None, String), literal(0)
    charged = func.sum(USAGE.c.charged_nano_usd)
    nothings = (nothing, nothing, nothing, nothing)
    sums = select(literal("used", String), none, none, func.count(), charged, *nothings)
    return sums.where(USAGE.c.rail == RAIL)


def _figures(row: Mapping[str, Any]) -> dict[str, int]:
    if row["what"] == "rows":
        return {
            "payments": int(row["n"]),
            "received": int(row["a"]),
            "charged": int(row["b"]),
            "due": int(row["c"]),
            "open": int(row["d"]),
            "lost": int(row["e"]),
        }
    return {"booked" if row["what"] == CHAIN else "owed": int(row["a"])}


async def _named(store: Store) -> list[str]:
    """The payments whose row and transfers differ, the first of them."""
    came = func.coalesce(func.sum(_signed(CHAIN)), 0)
    mine = and_(
        TRANSFER.c.ref == PAYMENT.c.run_id,
        or_(TRANSFER.c.debit == CHAIN, TRANSFER.c.credit == CHAIN),
    )
    query = (
        select(PAYMENT.c.run_id, PAYMENT.c.state, _MOVED.label("moved"), came.label("came"))
        .select_from(PAYMENT.outerjoin(TRANSFER, mine))
        .group_by(PAYMENT.c.run_id, PAYMENT.c.state, _MOVED)
        .having(came != _MOVED * nano_from_atomic(1))
        .order_by(PAYMENT.c.run_id)
        .limit(_MOST_NAMED)
    )
    return [
        f"{row['run_id']} ({row['state']}): its row moved {row['moved']} atomic units, the books took "
        f"{int(row['came'])} nano-USD from the chain"
        for row in await store.read(query)
    ]
