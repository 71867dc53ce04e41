"""One span, and how it is shown to people and pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, Field

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Status = Literal["unset", "ok", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at one time of a span."""

    name: str
    at_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """Another span that has to do with this one."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work in a trace, after OpenTelemetry's data model. Times are Unix nanoseconds; ids
    lower-case hex. ``run_id`` is the call that it is of, None for what its owner sent."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: Kind
    start_ns: int
    end_ns: int
    service: str | None
    run_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "unset"
    message: str = ""
    events: Sequence[Event] = ()
    links: Sequence[Link] = ()
    flags: int = 0
    state: str = ""

    @property
    def parts(self) -> int:
        """How many attributes, events and links it has."""
        inner = [one.attributes for one in self.events] + [one.attributes for one in self.links]
        return len(self.attributes) + len(inner) + sum(map(len, inner))


class ShownEvent(BaseModel):
    """An event of a span."""

    name: str
    time_ns: str = Field(description="Unix time in nanoseconds, in decimal.")
    attributes: dict[str, Any]


class ShownLink(BaseModel):
    """A link of a span."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any]


class ShownSpan(BaseModel):
    """A span: one bar of the waterfall."""

    span_id: str
    parent_span_id: str | None = Field(description="Null for a root; it may be a span not sent here.")
    name: str
    kind: Kind
    source: Literal["batchin", "otlp"] = Field(
        description="batchin for the server's own spans, otlp for those that you sent."
    )
    service: str | None = Field(description="Its service.name.")
    run_id: str | None = Field(description="The call that a span of the server's own is of.")
    start_ns: str = Field(
        description="Unix time in nanoseconds, in decimal (past what JSON numbers hold)."
    )
    end_ns: str = Field(description="Unix time in nanoseconds, in decimal.")
    offset_us: int = Field(description="Microseconds from the start of the trace to that of the span.")
    duration_us: int
    attributes: dict[str, Any]
    status: Status
    status_message: str
    events: list[ShownEvent]
    links: list[ShownLink]


def shown(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """The spans of one trace in the order of their start, as ``ShownSpan`` describes them."""
    zero_ns = min((span.start_ns for span in spans), default=0)
    ordered = sorted(spans, key=lambda span: (span.start_ns, -span.end_ns))
    return [_shown(span, zero_ns) for span in ordered]


def _shown(span: Span, zero_ns: int) -> dict[str, Any]:
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "source": "otlp" if span.run_id is None else "batchin",
        "service": span.service,
        "run_id": span.run_id,
        "start_ns": str(span.start_ns),
        "end_ns": str(span.end_ns),
        "offset_us": (span.start_ns - zero_ns) // 1000,
        "duration_us": max(0, span.end_ns - span.start_ns) // 1000,
        "attributes": dict(span.attributes),
        "status": span.status,
        "status_message": span.message,
        "events": [
            {"name": event.name, "time_ns": str(event.at_ns), "attributes": dict(event.attributes)}
            for event in span.events
        ],
        "links": [
            {"trace_id": link.trace_id, "span_id": link.span_id, "attributes": dict(link.attributes)}
            for link in span.links
        ],
    }
