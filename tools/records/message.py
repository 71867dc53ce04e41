"""Spans as OTLP messages, and back."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from tools.records.span import Event, Kind, Link, Span
from tools.records.span import Status as StatusName

_KINDS: Final[Sequence[Kind]] = ("internal", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final[Sequence[StatusName]] = ("unset", "ok", "error")
_SERVICE: Final = "service.name"
_PARENT_IS_REMOTE: Final = 0x300  # it is known whether the parent is remote, and it is
_PARENT_IS_LOCAL: Final = 0x100


def message_of(spans: Sequence[Span], version: str) -> ResourceSpans:
    """Spans of the server's own, of one service."""
    attributes = {_SERVICE: spans[0].service or "", "service.version": version}
    group = ResourceSpans(resource=Resource(attributes=_key_values(attributes)))
    scope = group.scope_spans.add()
    scope.scope.name, scope.scope.version = "batchin", version
    scope.spans.extend(_message(span) for span in spans)
    return group


def span_of(data: bytes) -> Span:
    """The span of a ResourceSpans message that holds one."""
    group = ResourceSpans.FromString(data)
    span = group.scope_spans[0].spans[0]
    service = _plain(group.resource.attributes).get(_SERVICE)
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=span.name,
        kind=_KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else "internal",
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        service=service if isinstance(service, str) else None,
        attributes=_plain(span.attributes),
        status=_STATUSES[span.status.code] if 0 <= span.status.code < len(_STATUSES) else "unset",
        message=span.status.message,
        events=[
            Event(event.name, event.time_unix_nano, _plain(event.attributes)) for event in span.events
        ],
        links=[
            Link(link.trace_id.hex(), link.span_id.hex(), _plain(link.attributes)) for link in span.links
        ],
        flags=span.flags,
        state=span.trace_state,
    )


def _message(span: Span) -> SpanMessage:
    where = 0
    if span.parent_id is not None:
        where = _PARENT_IS_REMOTE if span.kind == "server" else _PARENT_IS_LOCAL
    return SpanMessage(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id or ""),
        trace_state=span.state,
        flags=span.flags | where,
        name=span.name,
        kind=SpanMessage.SpanKind.ValueType(_KINDS.index(span.kind, 1)),
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=_key_values(span.attributes),
        status=Status(
            code=Status.StatusCode.ValueType(_STATUSES.index(span.status)), message=span.message
        ),
    )


def _key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: str | bool | float) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(string_value=value)


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: _plain_value(one.value) for one in attributes}


def _plain_value(value: AnyValue) -> Any:
    """As JSON has it: bytes in hex, and a number that is none as text."""
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain_value(one) for one in value.array_value.values]
        case "kvlist_value":
            return _plain(value.kvlist_value.values)
        case "bytes_value":
            return value.bytes_value.hex()
        case "double_value":
            number = value.double_value
            return number if number - number == 0 else str(number)
        case None:
            return None
        case name:
            return getattr(value, name)
