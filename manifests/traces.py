"""What GET /v1/traces/{trace_id} answers."""

from pydantic import BaseModel

from tools.records.span import ShownSpan
from tools.trace import TraceItem


class TraceFound(BaseModel):
    """A trace: the run that it began with (its members stand at the top, null in a trace without a
    run), the first 100 of its runs, that one too, and its spans in the order of their start. What is
    left out is counted, runs up to 500 in all."""

    customer_trace_id: str
    run_id: str | None = None
    record_id: str | None = None
    public_route_label: str | None = None
    environment: str | None = None
    prompt_version_id: str | None = None
    model_id: str | None = None
    served_model: str | None = None
    tool: str | None = None
    status: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_cents: int | None = None
    cost_usd: str | None = None
    rail: str | None = None
    started_at_ms: int | None = None
    duration_ms: int | None = None
    runs: list[TraceItem]
    runs_left_out: int
    spans: list[ShownSpan]
    spans_left_out: int
