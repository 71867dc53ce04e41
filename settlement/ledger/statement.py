"""What an account used and paid, read back from its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from settlement.ledger.tables import USAGE
from storage.op import Row, Store

MOST_ROWS: Final = 500
"""Runs that one read returns."""

_TOTALS: Final[Mapping[str, ColumnElement[Any]]] = {
    "requests": func.count(),
    "input_tokens": func.coalesce(func.sum(USAGE.c.input_tokens), 0),
    "output_tokens": func.coalesce(func.sum(USAGE.c.output_tokens), 0),
    "charged_nano_usd": func.coalesce(func.sum(USAGE.c.charged_nano_usd), 0),
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over runs; ``model`` is the id that was asked for, empty for all of them."""

    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    charged_nano_usd: int


@dataclass(frozen=True, slots=True)
class Statements:
    """Every read is of one account: nobody sees another's runs."""

    store: Store

    async def total(self, account_id: str) -> Totals:
        query = select(*_labelled()).where(USAGE.c.account_id == account_id)
        return Totals("", **(await self.store.read(query))[0])

    async def by_model(self, account_id: str) -> Sequence[Totals]:
        """The sums by model, the dearest first."""
        charged = func.sum(USAGE.c.charged_nano_usd)
        query = (
            select(USAGE.c.model, *_labelled())
            .where(USAGE.c.account_id == account_id)
            .group_by(USAGE.c.model)
            .order_by(charged.desc(), USAGE.c.model)
        )
        return [Totals(**row) for row in await self.store.read(query)]

    async def runs(self, account_id: str, limit: int, offset: int = 0) -> Sequence[Row]:
        """The account's runs, the newest first: at most ``limit``, which is at most MOST_ROWS."""
        query = (
            select(USAGE)
            .where(USAGE.c.account_id == account_id)
            .order_by(USAGE.c.run_id.desc())
            .limit(min(limit, MOST_ROWS))
            .offset(offset)
        )
        return await self.store.read(query)

    async def run(self, account_id: str, run_id: str) -> Row | None:
        """One run; None when there is none, and when it is another's."""
        query = select(USAGE).where(USAGE.c.run_id == run_id, USAGE.c.account_id == account_id)
        rows = await self.store.read(query)
        return rows[0] if rows else None

    async def of_trace(self, account_id: str, trace_id: str) -> Sequence[Row]:
        """The account's runs of one trace, the oldest first: at most MOST_ROWS."""
        query = (
            select(USAGE)
            .where(USAGE.c.account_id == account_id, USAGE.c.trace_id == trace_id)
            .order_by(USAGE.c.run_id)
            .limit(MOST_ROWS)
        )
        return await self.store.read(query)


def _labelled() -> Sequence[ColumnElement[Any]]:
    return [total.label(name) for name, total in _TOTALS.items()]
