"""The audit of the books: every balance again, from the transfers and holds behind it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, func, literal, select, union_all

from settlement.ledger.ids import SYSTEM_ACCOUNTS
from settlement.ledger.tables import ACCOUNT, API_KEY, HOLD, TRANSFER
from storage.op import Store


@dataclass(frozen=True, slots=True)
class Audit:
    """``faults`` holds a sentence for each thing that is wrong; ``balances`` what each account has by
    its transfers, system accounts too, in nano-USD."""

    balances: dict[str, int]
    held_nano_usd: int
    faults: tuple[str, ...]

    @property
    def total_nano_usd(self) -> int:
        """The sum of all balances: 0 in every double entry."""
        return sum(self.balances.values())


async def audit(store: Store) -> Audit:
    """Compare the rows of accounts and keys with their transfers and holds, in one snapshot."""
    query = union_all(
        _sums("debit", TRANSFER.c.debit, TRANSFER.c.amount),
        _sums("credit", TRANSFER.c.credit, TRANSFER.c.amount),
        _sums("posted", ACCOUNT.c.id, ACCOUNT.c.posted),
        _sums("held", ACCOUNT.c.id, ACCOUNT.c.held),
        _sums("hold", HOLD.c.account_id, HOLD.c.amount - HOLD.c.captured),
        _sums("key_held", API_KEY.c.id, API_KEY.c.held_nano),
        _sums("key_hold", HOLD.c.key_id, HOLD.c.amount - HOLD.c.captured),
    )
    sums: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await store.read(query):
        if row["id"] is not None:
            sums[row["what"]][row["id"]] = int(row["amount"])
    came, left = sums["credit"], sums["debit"]
    balances = {name: came.get(name, 0) - left.get(name, 0) for name in came.keys() | left.keys()}
    faults = (
        *_unequal("posted", sums["posted"], _with_rows(balances)),
        *_unequal("held", sums["held"], sums["hold"]),
        *_unequal("held by key", sums["key_held"], sums["key_hold"]),
    )
    return Audit(balances, sum(sums["hold"].values()), faults)


def _sums(what: str, name: ColumnElement[Any], amount: ColumnElement[int]) -> Select[Any]:
    return select(
        literal(what, String).label("what"), name.label("id"), func.sum(amount).label("amount")
    ).group_by(name)


def _with_rows(balances: dict[str, int]) -> dict[str, int]:
    return {name: amount for name, amount in balances.items() if name not in SYSTEM_ACCOUNTS}


def _unequal(what: str, rows: dict[str, int], derived: dict[str, int]) -> Iterator[str]:
    for name in sorted(rows.keys() | derived.keys()):
        row, sum_ = rows.get(name, 0), derived.get(name, 0)
        if row != sum_:
            yield f"{what} of {name}: its row says {row}, its entries {sum_} nano-USD"
