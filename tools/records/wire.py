"""OTLP: trace messages in both encodings (https://opentelemetry.io/docs/specs/otlp/, version 1.10).

The JSON encoding is protobuf's, but trace and span ids are hex and enums are numbers. Imported when the
first message comes: protobuf takes its time.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, TracesData
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from base.errors import InvalidRequest

MOST_SPAN_BYTES: Final = 65_536
MOST_SPLIT_BYTES: Final = 33_554_432
"""Of the spans of one message, each with its resource and scope: a message tells those once for many."""
MOST_PARTS: Final = 1000
"""Attributes, events and links of a span, each value that is inside of another, and its resource's."""
_MAX_DEPTH: Final = 32
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_IDS: Final = ("traceId", "spanId", "parentSpanId")
_SNAKE_IDS: Final = ("trace_id", "span_id", "parent_span_id")


@dataclass(frozen=True, slots=True)
class Sent:
    """A span as it was sent: ``data`` is a ResourceSpans message with this span alone."""

    trace_id: str
    span_id: str
    data: bytes


def from_protobuf(body: bytes) -> ExportTraceServiceRequest:
    """Raises InvalidRequest."""
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise InvalidRequest(
            "The body is not an ExportTraceServiceRequest in protobuf.",
            resolution="Send what an OTLP/HTTP exporter sends.",
        ) from None


def from_json(body: bytes) -> ExportTraceServiceRequest:
    """Raises InvalidRequest. Unknown members are ignored, as the specification asks for."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            f"The body is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}.",
            resolution="Send one JSON object in UTF-8.",
        ) from None
    if not isinstance(value, dict):
        raise InvalidRequest("The body should be a JSON object.", resolution="Send resourceSpans.")
    for span in _spans_in(value):
        _turn_ids(span, _bytes_of_hex)
    try:
        return json_format.ParseDict(
            value,
            ExportTraceServiceRequest(),
            ignore_unknown_fields=True,
            max_recursion_depth=_MAX_DEPTH,
        )
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"The body is not OTLP/JSON: {str(error)[:300]}",
            resolution="Send what an OTLP/HTTP exporter sends: ids in hex, 64-bit numbers as strings.",
        ) from None


def split(request: ExportTraceServiceRequest) -> Iterator[Sent | str]:
    """Each span by itself, or why it is not taken."""
    room = MOST_SPLIT_BYTES
    for group in request.resource_spans:
        for scope in group.scope_spans:
            shared = _Shared(group, scope)
            for span in scope.spans:
                taken = shared.alone(span, room)
                if isinstance(taken, Sent):
                    room -= len(taken.data)
                yield taken


def answered(rejected: int, why: str, *, as_json: bool) -> bytes:
    """The answer of an export: empty when all was taken."""
    answer = ExportTraceServiceResponse()
    if rejected:
        partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=why)
        answer.partial_success.CopyFrom(partial)
    if as_json:
        return orjson.dumps(json_format.MessageToDict(answer))
    return answer.SerializeToString()


def group_of(data: bytes) -> ResourceSpans:
    """A span as it was kept."""
    return ResourceSpans.FromString(data)


def joined(groups: Sequence[ResourceSpans]) -> TracesData:
    """Spans under their resources and scopes, each told once where neighbours share it."""
    data = TracesData()
    for group in groups:
        last = data.resource_spans[-1] if data.resource_spans else None
        if last is None or not _same_resource(last, group):
            data.resource_spans.append(group)
            continue
        for scope in group.scope_spans:
            if _same_scope(last.scope_spans[-1], scope):
                last.scope_spans[-1].spans.extend(scope.spans)
            else:
                last.scope_spans.append(scope)
    return data


def to_json(data: TracesData) -> bytes:
    value = json_format.MessageToDict(data, use_integers_for_enums=True)
    for span in _spans_in(value):
        _turn_ids(span, _hex_of_base64)
    return orjson.dumps({"resourceSpans": value.get("resourceSpans", [])})


def _refusal(span: SpanMessage) -> str | None:
    if len(span.trace_id) != _TRACE_BYTES or not any(span.trace_id):
        return "a traceId is not 16 bytes, or all zero"
    if len(span.span_id) != _SPAN_BYTES or not any(span.span_id):
        return "a spanId is not 8 bytes, or all zero"
    if len(span.parent_span_id) not in (0, _SPAN_BYTES):
        return "a parentSpanId is not 8 bytes"
    return None


class _Shared:
    """What the spans of one scope share: measured before it is copied for each of them."""

    def __init__(self, group: ResourceSpans, scope: ScopeSpans) -> None:
        self._group = group
        self._scope = scope
        schemas = len(group.schema_url) + len(scope.schema_url)
        self._bytes = group.resource.ByteSize() + scope.scope.ByteSize() + schemas
        self._parts = _count(_parts(group.resource.attributes), _parts(scope.scope.attributes))

    def alone(self, span: SpanMessage, room: int) -> Sent | str:
        """A message of this span, or why it is not taken; ``room`` is for what it may have in bytes."""
        least = self._bytes + span.ByteSize()
        refusal = _refusal(span) or self._excess(span, least)
        if refusal is not None:
            return refusal
        if least > room:
            return f"the spans with their resources are larger than {MOST_SPLIT_BYTES} bytes in all"
        own = ResourceSpans(resource=self._group.resource, schema_url=self._group.schema_url)
        inner = own.scope_spans.add(scope=self._scope.scope, schema_url=self._scope.schema_url)
        inner.spans.append(span)
        data = own.SerializeToString()
        return self._excess(span, len(data)) or Sent(span.trace_id.hex(), span.span_id.hex(), data)

    def _excess(self, span: SpanMessage, size: int) -> str | None:
        if size > MOST_SPAN_BYTES:
            return f"a span with its resource is larger than {MOST_SPAN_BYTES} bytes"
        if self._parts + _count(_parts_of(span)) > MOST_PARTS:
            return f"a span with its resource has more than {MOST_PARTS} attributes, events and links"
        return None


def _count(*parts: Iterator[None]) -> int:
    """How many, as far as it matters."""
    return sum(1 for _ in islice(chain(*parts), MOST_PARTS + 1))


def _parts_of(span: SpanMessage) -> Iterator[None]:
    yield from _parts(span.attributes)
    inner = chain((one.attributes for one in span.events), (one.attributes for one in span.links))
    for attributes in inner:
        yield None
        yield from _parts(attributes)


def _parts(attributes: Iterable[KeyValue]) -> Iterator[None]:
    """One for each attribute, and for each value inside of it."""
    for attribute in attributes:
        yield None
        yield from _inside(attribute.value)


def _inside(value: AnyValue) -> Iterator[None]:
    yield from _parts(value.kvlist_value.values)
    for one in value.array_value.values:
        yield None
        yield from _inside(one)


def _same_resource(one: ResourceSpans, other: ResourceSpans) -> bool:
    return one.resource == other.resource and one.schema_url == other.schema_url


def _same_scope(one: ScopeSpans, other: ScopeSpans) -> bool:
    return one.scope == other.scope and one.schema_url == other.schema_url


def _spans_in(value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The spans of a JSON message, and their links, wherever it has the right form."""
    for group in _list(value, "resourceSpans", "resource_spans"):
        for scope in _list(group, "scopeSpans", "scope_spans"):
            for span in _list(scope, "spans"):
                yield span
                yield from _list(span, "links")


def _list(value: Mapping[str, Any], *names: str) -> Iterator[dict[str, Any]]:
    found = (value.get(name) for name in names)
    lists = (one for one in found if isinstance(one, list))
    return (one for items in lists for one in items if isinstance(one, dict))


def _turn_ids(span: dict[str, Any], turn: Callable[[str], str]) -> None:
    for name in (*_IDS, *_SNAKE_IDS):
        text = span.get(name)
        if isinstance(text, str):
            span[name] = turn(text)


def _bytes_of_hex(text: str) -> str:
    try:
        return base64.b64encode(binascii.unhexlify(text)).decode()
    except ValueError:
        raise InvalidRequest(
            "A trace or span id is not hex.", resolution="Write ids of OTLP/JSON in hex digits."
        ) from None


def _hex_of_base64(text: str) -> str:
    return base64.b64decode(text).hex()
