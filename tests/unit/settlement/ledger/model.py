"""A small model of the ledger, written apart from it, and rows in a dict for its folds."""

import copy
from dataclasses import dataclass, field
from typing import Any

from storage.op import Key, Op, Refused, Row

SYSTEM = frozenset({"funding", "revenue", "receivable"})


class DictRows:
    """Tables as dicts. A commit applies whole or not at all."""

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}
        self.added: list[tuple[str, Row]] = []
        self._op = Op((), lambda _: None)

    def commit(self, *ops: Op) -> Any:
        rows, added = copy.deepcopy(self.rows), len(self.added)
        values = []
        for op in ops:
            self._op = op
            value = op.fold(self)
            if isinstance(value, Refused):
                self.rows = rows
                del self.added[added:]
                return value
            values.append(value)
        return tuple(values)

    def get(self, key: Key) -> Row | None:
        assert key in (*self._op.keys, *self._op.fresh)
        row = self.rows.get(key)
        return None if row is None else dict(row)

    def put(self, key: Key, row: Row) -> None:
        assert key in (*self._op.keys, *self._op.fresh)
        self.rows[key] = dict(row)

    def delete(self, key: Key) -> None:
        del self.rows[key]

    def add(self, table: str, row: Row) -> None:
        self.added.append((table, row))

    def table(self, name: str) -> list[Row]:
        rows = [row for key, row in self.rows.items() if key.table == name]
        return rows + [row for table, row in self.added if table == name]


@dataclass(slots=True)
class KeyModel:
    account: str
    budget: int | None
    month: int
    spent: int = 0
    held: int = 0
    revoked: bool = False


@dataclass(slots=True)
class Model:
    """What the ledger should do, in words of its users. Amounts in nano-USD."""

    posted: dict[str, int] = field(default_factory=dict)
    keys: dict[str, KeyModel] = field(default_factory=dict)
    holds: dict[str, tuple[str, str | None, int]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    system: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SYSTEM, 0))

    def held(self, account: str) -> int:
        return sum(left for owner, _, left in self.holds.values() if owner == account)

    def available(self, account: str) -> int:
        return self.posted[account] - self.held(account)

    def hold(self, run: str, account: str, key: str | None, amount: int, month: int) -> str | None:
        if run in self.holds:
            return "duplicate"
        if account not in self.posted:
            return "no_account"
        known = self.keys.get(key) if key else None
        if key and (known is None or known.account != account or known.revoked):
            return "no_key"
        if known is not None and known.budget is not None:
            spent = known.spent if known.month >= month else 0
            if spent + known.held + amount > known.budget:
                return "over_budget"
        if self.available(account) < amount:
            return "insufficient"
        if known is not None:
            self._count(known, month, held=amount)
        self.holds[run] = (account, key, amount)
        return None

    def capture(self, run: str, amount: int, month: int) -> tuple[int, int] | str:
        """What is charged and what the account may spend then."""
        if run not in self.holds:
            return "no_hold"
        account, key, left = self.holds.pop(run)
        charged = min(amount, left)
        self._charge(account, key, charged, left, month)
        return charged, self.available(account)

    def capture_part(self, run: str, part: str, amount: int, month: int) -> tuple[int, int] | str:
        if part in self.done:
            return "duplicate"
        if run not in self.holds:
            return "no_hold"
        account, key, left = self.holds[run]
        charged = min(amount, left)
        self.holds[run] = (account, key, left - charged)
        self.done.add(part)
        self._charge(account, key, charged, charged, month)
        return charged, self.available(account)

    def void(self, run: str) -> bool:
        if run not in self.holds:
            return False
        _, key, left = self.holds.pop(run)
        if key:
            self.keys[key].held -= left
        return True

    def post(self, transfer: str, debit: str, credit: str, amount: int) -> str | None:
        if transfer in self.done:
            return "duplicate"
        if debit not in SYSTEM and debit not in self.posted:
            return "no_account"
        if debit not in SYSTEM and self.available(debit) < amount:
            return "insufficient"
        if credit not in SYSTEM and credit not in self.posted and not credit.startswith("wallet:"):
            return "no_account"
        self.done.add(transfer)
        for name, change in ((debit, -amount), (credit, amount)):
            balances = self.system if name in SYSTEM else self.posted
            balances[name] = balances.get(name, 0) + change
        return None

    def _charge(self, account: str, key: str | None, charged: int, released: int, month: int) -> None:
        self.posted[account] -= charged
        self.system["revenue"] += charged
        if key:
            self._count(self.keys[key], month, held=-released, spent=charged)

    def _count(self, key: KeyModel, month: int, *, held: int, spent: int = 0) -> None:
        if month > key.month:
            key.month, key.spent = month, 0
        key.held += held
        key.spent += spent
