"""A call of this server as spans: kept as one small row, told as the call and its steps.

Names follow OpenTelemetry's semantic conventions for generative AI (``gen_ai.*``, in development);
what they have no name for is ``batchin.*``.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from base.ids import record_id_of
from tools.observe import CallReport, Course
from tools.records.span import Kind, Span

SERVICE: Final = "batchin"
_DONE: Final = frozenset(("completed", "partial", "replayed"))
_ENGINE: Final = "engine"
_OPERATIONS: Final[Mapping[str, str]] = {
    "chat": "chat",
    "respond": "chat",
    "complete": "text_completion",
    "embed": "embeddings",
    "rerank": "retrieval",
    "image": "generate_content",
    "speech": "generate_content",
    "video": "generate_content",
}


def told(report: CallReport, course: Course) -> bytes:
    """What is kept of a call: no text of the caller's. Steps are nanoseconds from its start."""
    marks, trace = course.marks, course.trace
    entered_s = marks.entered_s
    steps = (marks.admitted_s, marks.held_s, marks.first_s, marks.ran_s, course.ended_s)
    usage = report.usage

    def since_ns(at_s: float) -> int:
        return int((at_s - entered_s) * 1e9)

    return orjson.dumps(
        {
            "run": report.run_id,
            "parent": trace.parent_id,
            "flags": trace.flags,
            "state": trace.state,
            "tool": report.tool,
            "model": report.model,
            "served": course.served.model,
            "engine": course.served.engine,
            "prompt": course.prompt_version,
            "streamed": course.streamed,
            "moved": None if course.moved_s is None else [since_ns(at) for at in course.moved_s],
            "rail": report.rail,
            "outcome": report.outcome,
            "tokens": (usage.input_tokens, usage.output_tokens, usage.cached_tokens),
            "charged": report.charged_nano_usd,
            "start": marks.started_ms * 1_000_000,
            "steps": [None if at is None else since_ns(at) for at in steps],
        }
    )


def spans_of(trace_id: str, span_id: str, kept: bytes) -> Sequence[Span]:
    """The call and its steps, the call first."""
    call = orjson.loads(kept)
    start, steps = call["start"], call["steps"]
    failed = call["outcome"] not in _DONE
    whole = Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=call["parent"],
        name=_name(call),
        kind="server",
        start_ns=start,
        end_ns=start + steps[-1],
        service=SERVICE,
        run_id=call["run"],
        attributes=_attributes(call, failed=failed),
        status="error" if failed else "unset",
        message=call["outcome"] if failed else "",
        flags=int(call["flags"], 16),
        state=call["state"],
    )
    return [whole, *_steps(whole, call)]


def _steps(whole: Span, call: Mapping[str, Any]) -> Iterator[Span]:
    """What was reached of a call, up to its end."""
    admitted, held, first, ran, ended = call["steps"]
    served = {"batchin.engine": call["engine"], "gen_ai.response.model": call["served"]}

    def step(name: str, since: int, until: int | None, under: str, kind: Kind = "internal") -> Span:
        return Span(
            trace_id=whole.trace_id,
            span_id=_step_id(call["run"], name),
            parent_id=under,
            name=name,
            kind=kind,
            start_ns=whole.start_ns + since,
            end_ns=whole.start_ns + (ended if until is None else until),
            service=SERVICE,
            run_id=whole.run_id,
            attributes=served if kind == "client" else {},
            flags=whole.flags,
            state=whole.state,
        )

    yield step("admission", 0, admitted, whole.span_id)
    if admitted is None:
        return
    hold = step("hold", admitted, held, whole.span_id)
    yield hold
    if held is None or call["outcome"] == "replayed":
        return
    asked, done = call.get("moved") or (None, None)
    if asked is not None and asked < held:
        yield step("settle", asked, done, hold.span_id)
    engine = step(_ENGINE, held, ran, whole.span_id, "client")
    yield engine
    if first is not None:
        yield step("first token", held, first, engine.span_id)
    if ran is not None and call["outcome"] in _DONE:
        capture = step("capture", ran, ended, whole.span_id)
        yield capture
        if asked is not None and asked >= ran:
            yield step("settle", asked, done, capture.span_id)


def _name(call: Mapping[str, Any]) -> str:
    return f"{_OPERATIONS.get(call['tool'], call['tool'])} {call['model']}".strip()


def _attributes(call: Mapping[str, Any], *, failed: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gen_ai.operation.name": _OPERATIONS.get(call["tool"], call["tool"]),
        "gen_ai.provider.name": SERVICE,
        "gen_ai.request.model": call["model"],
        "gen_ai.response.model": call["served"],
        "gen_ai.response.id": call["run"],
        "gen_ai.request.stream": call["streamed"],
        "batchin.tool": call["tool"],
        "batchin.outcome": call["outcome"],
        "batchin.rail": call["rail"],
        "batchin.charged_nano_usd": call["charged"],
        "batchin.prompt_version": call["prompt"],
        "batchin.run_id": call["run"],
    }
    if failed:
        return {**found, "error.type": call["outcome"]}
    sent, made, cached = call["tokens"]
    found |= {
        "gen_ai.usage.input_tokens": sent,
        "gen_ai.usage.output_tokens": made,
        "gen_ai.usage.cache_read.input_tokens": cached,
        "batchin.record_id": record_id_of(call["run"]),
    }
    first = call["steps"][2]
    if call["streamed"] and first is not None:
        found["gen_ai.response.time_to_first_chunk"] = first / 1e9
    return found


def engine_span_id(run_id: str) -> str:
    """Of the span in which an engine works for a run."""
    return _step_id(run_id, _ENGINE)


def _step_id(run_id: str, name: str) -> str:
    """Steps have no rows: their ids follow from the run, so that they are the same at each reading."""
    return hashlib.sha256(f"{run_id}|{name}".encode()).hexdigest()[:16]
