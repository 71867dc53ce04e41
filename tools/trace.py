"""The trace tool: the caller's own calls, by run or by trace, with their cost and records. Free."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from base.errors import NotFound, Unauthorized
from base.ids import record_id_of, run_id_from
from base.money import cents_rounded, usd_text
from settlement.evidence.reader import EvidenceReader
from settlement.ledger.ledger import Ledger
from settlement.ledger.reports import EVER, Page
from storage.op import Row
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate
from tools.records.book import SpanBook
from tools.records.pages import Traced
from tools.records.span import ShownSpan, shown

MOST_LISTED = 100
MOST_SPANS = 1000


class TraceInput(BaseModel):
    """One run, the runs of one trace, or by default the newest."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    run_id: str | None = Field(
        None, min_length=1, max_length=128, description="Run, record or audit id of a call of yours."
    )
    trace_id: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{32}$",
        description="Trace id of a traceparent that you sent, or of an earlier answer: 32 hex digits.",
    )
    limit: int = Field(20, ge=1, le=MOST_LISTED, description="Most runs to list, the newest first.")

    @model_validator(mode="after")
    def _one_of(self) -> "TraceInput":
        if self.run_id is not None and self.trace_id is not None:
            raise ValueError("takes run_id or trace_id, not both")
        return self


class TraceItem(BaseModel):
    """One call: what ran, how it ended, what it cost and which record proves it."""

    customer_trace_id: str
    run_id: str
    record_id: str
    public_route_label: str
    environment: str
    prompt_version_id: str
    model_id: str
    served_model: str
    tool: str
    status: str
    input_tokens: int
    output_tokens: int
    cost_cents: int
    cost_usd: str
    rail: str
    started_at_ms: int = Field(description="Unix time in milliseconds.")
    duration_ms: int


class TraceOutput(BaseModel):
    """Runs: those of a trace in the order in which they began, else the newest first. Of one trace its
    spans too: the server's own and those that were sent by OTLP, at most 1,000 in the order of start.
    ``runs_left_out`` counts the trace's runs past the limit, up to 500 runs in all."""

    object: Literal["list"]
    trace_id: str | None
    items: list[TraceItem]
    runs_left_out: int
    spans: list[ShownSpan]
    spans_left_out: int


@dataclass(frozen=True, slots=True)
class Traces:
    """Builds the trace tool: usage rows, joined with what was signed about the same runs."""

    ledger: Ledger
    proofs: EvidenceReader
    spans: SpanBook

    def tool(self) -> Tool[TraceInput]:
        return Tool(
            name="trace",
            title="Trace",
            description=(
                "Follow your calls: for a run, for every run of a trace, or for the newest, the model "
                "that answered, status, tokens, duration, cost and the id of the signed record; of one "
                "trace the spans too, yours and the server's. Needs an API key or a wallet's access "
                "token. Free."
            ),
            Input=TraceInput,
            Output=TraceOutput,
            run=self._run,
            quote=None,
            modality="account",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({"limit": 5}, {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}),
            aliases=("batchin_agent_trace_run",),
            version=4,
        )

    def _run(self, args: TraceInput, call: Call) -> Immediate:
        return Immediate(lambda: self._answer(args, call.caller.account_id))

    async def _answer(self, args: TraceInput, account_id: str | None) -> Mapping[str, Any]:
        if account_id is None:
            raise Unauthorized
        rows, left_out = await self._rows(args, account_id)
        found = Traced((), 0)
        trace_id = None
        if args.run_id is not None or args.trace_id is not None:
            trace_id = args.trace_id or rows[0]["trace_id"]
            found = await self.spans.of_trace(account_id, trace_id)
            if not rows and not found.spans:
                raise _no_trace("trace_id")
        signed = await self.proofs.payloads([row["run_id"] for row in rows])
        items = [_item(row, signed[row["run_id"]]) for row in rows if row["run_id"] in signed]
        told = await asyncio.to_thread(shown, found.spans)
        return {
            "object": "list",
            "trace_id": trace_id,
            "items": items,
            "runs_left_out": left_out,
            "spans": told[:MOST_SPANS],
            "spans_left_out": found.left_out + max(0, len(told) - MOST_SPANS),
        }

    async def _rows(self, args: TraceInput, account_id: str) -> tuple[Sequence[Row], int]:
        """The runs, and how many more there are of a trace."""
        if args.run_id is not None:
            run_id = run_id_from(args.run_id)
            row = await self.ledger.usage.run(account_id, run_id) if run_id else None
            if row is None:
                raise _no_trace("run_id")
            return [row], 0
        if args.trace_id is None:
            return await self.ledger.usage.runs(account_id, Page(args.limit), EVER), 0
        rows = await self.ledger.usage.of_trace(account_id, args.trace_id)
        return rows[: args.limit], max(0, len(rows) - args.limit)


def _no_trace(param: str) -> NotFound:
    return NotFound("Trace not found", param=param, resolution="Verify the trace id and retry.")


def _item(row: Row, signed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "customer_trace_id": row["trace_id"],
        "run_id": row["run_id"],
        "record_id": record_id_of(row["run_id"]),
        "public_route_label": signed["public_route_label"],
        "environment": signed["environment"],
        "prompt_version_id": row["prompt_version"],
        "model_id": row["model"],
        "served_model": row["served_model"],
        "tool": row["tool"],
        "status": row["status"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "cost_cents": cents_rounded(row["charged_nano_usd"]),
        "cost_usd": usd_text(row["charged_nano_usd"]),
        "rail": row["rail"],
        "started_at_ms": row["started_at_ms"],
        "duration_ms": row["ended_at_ms"] - row["started_at_ms"],
    }
