"""What an account used and spent: its runs, and their sums by model, tool, key, rail and day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, func, literal, literal_column, select

from settlement.ledger.tables import USAGE
from storage.op import Row, Store

MOST_ROWS: Final = 500
MOST_PROMPTS: Final = 5000
_NO_PROMPT: Final[ColumnElement[str]] = literal_column("'default'")  # as the index has it
_DAY_MS: Final = 86_400_000
_SUMS: Final = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "images",
    "audio_ms",
    "characters",
    "video_ms",
)
_GROUPS: Final[dict[str, ColumnElement[Any]]] = {
    "model": USAGE.c.model,
    "tool": USAGE.c.tool,
    "key_id": USAGE.c.key_id,
    "rail": USAGE.c.rail,
    "day": USAGE.c.started_at_ms // literal(_DAY_MS),
}


_PROMPT_SUMS: Final = (
    USAGE.c.prompt_version.label("version_id"),
    func.count().label("runs"),
    func.sum(case((USAGE.c.status == "completed", 1), else_=0)).label("completed"),
    func.min(USAGE.c.started_at_ms).label("first_ms"),
    func.max(USAGE.c.started_at_ms).label("last_ms"),
    func.sum(USAGE.c.ended_at_ms - USAGE.c.started_at_ms).label("took_ms"),
    func.sum(USAGE.c.charged_nano_usd).label("charged_nano_usd"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """From ``since_ms`` on and before ``until_ms``, by the start of a run; None is no bound."""

    since_ms: int | None = None
    until_ms: int | None = None


EVER: Final = Span()


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over runs. ``group`` is what they have in common: a model's id, a tool's name, a key's id
    (None for what a wallet paid by the call), a rail, or days since the epoch."""

    group: Any
    requests: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    images: int
    audio_ms: int
    characters: int
    video_ms: int
    charged_nano_usd: int


@dataclass(frozen=True, slots=True)
class Page:
    """``limit`` runs from the ``offset``-th newest on."""

    limit: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class PromptUse:
    """The runs of one prompt version: how many, the first and the last start, and their sums."""

    version_id: str
    runs: int
    completed: int
    first_ms: int
    last_ms: int
    took_ms: int
    charged_nano_usd: int


@dataclass(frozen=True, slots=True)
class UsageReports:
    """Reads the usage of one account at a time; nobody sees another's."""

    store: Store

    async def runs(self, account_id: str, page: Page, span: Span) -> Sequence[Row]:
        """The runs, newest first, as rows of the table."""
        query = _within(select(USAGE), account_id, span).order_by(USAGE.c.run_id.desc())
        return await self.store.read(query.limit(page.limit).offset(page.offset))

    async def run(self, account_id: str, run_id: str) -> Row | None:
        """One run; None when there is none, and when it is another's."""
        query = select(USAGE).where(USAGE.c.run_id == run_id, USAGE.c.account_id == account_id)
        rows = await self.store.read(query)
        return rows[0] if rows else None

    async def of_trace(self, account_id: str, trace_id: str) -> Sequence[Row]:
        """The account's runs of one trace, the oldest first: at most ``MOST_ROWS``."""
        query = select(USAGE).where(USAGE.c.account_id == account_id, USAGE.c.trace_id == trace_id)
        return await self.store.read(query.order_by(USAGE.c.run_id).limit(MOST_ROWS))

    async def of_runs(self, account_id: str, run_ids: Sequence[str]) -> Sequence[Row]:
        """Those of these runs that are the account's."""
        query = select(USAGE).where(USAGE.c.account_id == account_id, USAGE.c.run_id.in_(run_ids))
        return await self.store.read(query)

    async def by_prompt(self, account_id: str, span: Span = EVER) -> Sequence[PromptUse]:
        """The runs of each prompt version that calls named."""
        query = _within(select(*_PROMPT_SUMS), account_id, span)
        named = query.where(USAGE.c.prompt_version != _NO_PROMPT).group_by(USAGE.c.prompt_version)
        return [PromptUse(**row) for row in await self.store.read(named.limit(MOST_PROMPTS))]

    async def totals(self, account_id: str, span: Span) -> Totals:
        """The sums over all runs; ``group`` is the account's id."""
        rows = await self.store.read(_within(select(*_summed()), account_id, span))
        return _totals(account_id, rows[0])

    async def totals_by(self, group: str, account_id: str, span: Span) -> Sequence[Totals]:
        """The sums by ``model``, ``tool``, ``key_id``, ``rail`` or ``day``: the costliest first, days in
        their order."""
        by = _GROUPS[group].label("group_value")
        query = _within(select(by, *_summed()), account_id, span).group_by(by)
        ordered = query.order_by(by if group == "day" else func.sum(USAGE.c.charged_nano_usd).desc(), by)
        return [_totals(row["group_value"], row) for row in await self.store.read(ordered)]


def _within(query: Select[Any], account_id: str, span: Span) -> Select[Any]:
    query = query.where(USAGE.c.account_id == account_id)
    if span.since_ms is not None:
        query = query.where(USAGE.c.started_at_ms >= span.since_ms)
    if span.until_ms is not None:
        query = query.where(USAGE.c.started_at_ms < span.until_ms)
    return query


def _summed() -> list[ColumnElement[Any]]:
    sums = (*_SUMS, "charged_nano_usd")
    return [
        func.count().label("requests"),
        *(func.coalesce(func.sum(USAGE.c[name]), 0).label(name) for name in sums),
    ]


def _totals(group: Any, row: Row) -> Totals:
    # PostgreSQL sums 64-bit columns into decimals.
    sums = {name: int(row[name]) for name in ("requests", *_SUMS, "charged_nano_usd")}
    return Totals(group=group, **sums)
