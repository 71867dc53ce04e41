"""The usage tool: what the caller's account used and spent, run by run or summed. Free."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.clock import iso_utc
from base.errors import InvalidRequest, Unauthorized
from base.ids import audit_id_of, record_id_of, run_id_from
from base.money import cents_rounded, usd_text
from settlement.ledger.ledger import Ledger
from settlement.ledger.reports import Page, Span, Totals
from storage.op import Row
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate

View = Literal[
    "summary",
    "logs",
    "by-model",
    "by-tool",
    "by-api-key",
    "by-day",
    "meter-events",
    "cost-breakdown",
]
_GROUPS: Mapping[str, str] = {
    "by-model": "model",
    "by-tool": "tool",
    "by-api-key": "key_id",
    "by-day": "day",
}
_BREAKDOWN = ("by-model", "by-tool", "by-api-key", "by-day")
_METERS: Mapping[str, str] = {
    "input_tokens": "token",
    "output_tokens": "token",
    "images": "image",
    "audio_ms": "millisecond",
    "characters": "character",
    "video_ms": "millisecond",
}
_DAY_S = 86_400


class UsageInput(BaseModel):
    """Which usage. Runs count by when they began."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    view: View = Field("summary", description="Sums, sums by something, or run by run, newest first.")
    limit: int = Field(50, ge=1, le=500, description="Most items of logs and meter-events.")
    offset: int = Field(0, ge=0, le=10**9, description="Runs to skip, in logs and meter-events.")
    run_id: str | None = Field(None, max_length=128, description="Only this run, by any of its ids.")
    since: int | None = Field(None, ge=0, le=10**10, description="From this Unix time on, seconds.")
    until: int | None = Field(None, ge=0, le=10**10, description="Before this Unix time, seconds.")


class UsageTotals(BaseModel):
    """Sums. Cents are rounded for display; ``total_cost_usd`` is exact."""

    total_requests: int
    total_input_tokens: int
    total_output_tokens: int
    total_cached_tokens: int
    total_images: int
    total_audio_seconds: float
    total_characters: int
    total_video_seconds: float
    total_cost_cents: int
    total_cost_usd: str


class GroupTotals(UsageTotals):
    """Sums over the runs that have a model, a tool, a key or a UTC day in common. What a wallet paid by
    the call has no key."""

    model: str | None = None
    tool: str | None = None
    key_id: str | None = None
    key_prefix: str | None = None
    key_name: str | None = None
    day: str | None = None


class UsageRun(BaseModel):
    """One run. ``id`` is its audit id, a UUID."""

    id: str
    run_id: str
    record_id: str
    trace_id: str
    tool: str
    model: str
    served_model: str
    key_id: str | None
    prompt_version: str
    rail: str
    status: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    images: int
    audio_seconds: float
    characters: int
    video_seconds: float
    cost_cents: int
    cost_usd: str
    price_version: str
    created_at: str
    duration_ms: int


class MeterEvent(BaseModel):
    """One amount that a run was metered by; ``identifier`` is unique and never changes."""

    identifier: str
    event_name: str
    value: int
    unit: str
    run_id: str
    model: str
    created_at: str


class CostBreakdown(BaseModel):
    """The same sums by each dimension."""

    by_model: list[GroupTotals]
    by_tool: list[GroupTotals]
    by_api_key: list[GroupTotals]
    by_day: list[GroupTotals]


class UsageOutput(BaseModel):
    """One view: ``total`` of the sums, ``items`` of the lists, ``breakdown`` of cost-breakdown."""

    object: Literal["usage"]
    view: View
    total: UsageTotals | None
    items: list[UsageRun | MeterEvent | GroupTotals] | None
    breakdown: CostBreakdown | None


@dataclass(frozen=True, slots=True)
class UsageTool:
    """Builds the usage tool."""

    ledger: Ledger

    def tool(self) -> Tool[UsageInput]:
        return Tool(
            name="usage",
            title="Usage",
            description=(
                "What your account used and spent: in all, by model, tool, key or day, run by run, or "
                "as meter events. Needs an API key or a wallet's access token. Free."
            ),
            Input=UsageInput,
            Output=UsageOutput,
            run=self._run,
            quote=None,
            modality="account",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({}, {"view": "logs", "limit": 10}),
            aliases=("usage_query",),
            version=2,
        )

    def _run(self, args: UsageInput, call: Call) -> Immediate:
        account_id = call.caller.account_id
        if account_id is None:
            raise Unauthorized
        return Immediate(lambda: self._answer(args, account_id))

    async def _answer(self, args: UsageInput, account_id: str) -> Mapping[str, Any]:
        span = _span(args)
        shown: dict[str, Any] = {"total": None, "items": None, "breakdown": None}
        if args.view == "summary":
            shown["total"] = _totals(await self.ledger.usage.totals(account_id, span))
        elif args.view == "cost-breakdown":
            shown["total"] = _totals(await self.ledger.usage.totals(account_id, span))
            views = {view: await self._grouped(view, account_id, span) for view in _BREAKDOWN}
            shown["breakdown"] = {view.replace("-", "_"): items for view, items in views.items()}
        elif args.view in _GROUPS:
            shown["items"] = await self._grouped(args.view, account_id, span)
        else:
            shown["items"] = await self._runs(args, account_id, span)
        return {"object": "usage", "view": args.view, **shown}

    async def _runs(self, args: UsageInput, account_id: str, span: Span) -> list[dict[str, Any]]:
        rows = await self._rows(args, account_id, span)
        if args.view == "logs":
            return [_run(row) for row in rows]
        return [event for row in rows for event in _meter_events(row)]

    async def _rows(self, args: UsageInput, account_id: str, span: Span) -> Sequence[Row]:
        if args.run_id is None:
            return await self.ledger.usage.runs(account_id, Page(args.limit, args.offset), span)
        run_id = run_id_from(args.run_id)
        row = await self.ledger.usage.run(account_id, run_id) if run_id else None
        return [] if row is None else [row]

    async def _grouped(self, view: str, account_id: str, span: Span) -> list[dict[str, Any]]:
        group = _GROUPS[view]
        totals = await self.ledger.usage.totals_by(group, account_id, span)
        name = await self._namer(group, account_id)
        return [{**name(item.group), **_totals(item)} for item in totals]

    async def _namer(self, group: str, account_id: str) -> Callable[[Any], dict[str, Any]]:
        if group == "day":
            return lambda day: {"day": _day(day)}
        if group != "key_id":
            return lambda value: {group: value}
        known = {info.id: info for info in await self.ledger.keys.list(account_id)}

        def named(key_id: str | None) -> dict[str, Any]:
            info = known.get(key_id) if key_id is not None else None
            if info is None:
                return {"key_id": key_id, "key_prefix": None, "key_name": None}
            return {"key_id": key_id, "key_prefix": info.prefix, "key_name": info.name}

        return named


def _span(args: UsageInput) -> Span:
    """Raises InvalidRequest for a span that ends before it begins."""
    if args.since is not None and args.until is not None and args.until < args.since:
        raise InvalidRequest(
            "until is before since.", param="until", resolution="Let until be at least since."
        )
    return Span(*(None if at is None else at * 1000 for at in (args.since, args.until)))


def _totals(totals: Totals) -> dict[str, Any]:
    return {
        "total_requests": totals.requests,
        "total_input_tokens": totals.input_tokens,
        "total_output_tokens": totals.output_tokens,
        "total_cached_tokens": totals.cached_tokens,
        "total_images": totals.images,
        "total_audio_seconds": totals.audio_ms / 1000,
        "total_characters": totals.characters,
        "total_video_seconds": totals.video_ms / 1000,
        "total_cost_cents": cents_rounded(totals.charged_nano_usd),
        "total_cost_usd": usd_text(totals.charged_nano_usd),
    }


def _run(row: Row) -> dict[str, Any]:
    run_id: str = row["run_id"]
    same = (
        "trace_id",
        "tool",
        "model",
        "served_model",
        "key_id",
        "prompt_version",
        "rail",
        "status",
        "input_tokens",
        "output_tokens",
        "cached_tokens",
        "images",
        "characters",
        "price_version",
    )
    return {
        "id": audit_id_of(run_id),
        "run_id": run_id,
        "record_id": record_id_of(run_id),
        **{name: row[name] for name in same},
        "audio_seconds": row["audio_ms"] / 1000,
        "video_seconds": row["video_ms"] / 1000,
        "cost_cents": cents_rounded(row["charged_nano_usd"]),
        "cost_usd": usd_text(row["charged_nano_usd"]),
        "created_at": iso_utc(row["started_at_ms"]),
        "duration_ms": row["ended_at_ms"] - row["started_at_ms"],
    }


def _meter_events(row: Row) -> Sequence[dict[str, Any]]:
    return [
        {
            "identifier": f"{row['run_id']}:{meter}",
            "event_name": f"{row['tool']}.{meter}",
            "value": row[meter],
            "unit": unit,
            "run_id": row["run_id"],
            "model": row["model"],
            "created_at": iso_utc(row["ended_at_ms"]),
        }
        for meter, unit in _METERS.items()
        if row[meter]
    ]


def _day(days: int) -> str:
    return datetime.fromtimestamp(days * _DAY_S, UTC).date().isoformat()
