"""The operations of OTLP: spans of a caller's own in, spans of its traces out."""

from collections.abc import Mapping
from typing import Any, Final

from base.errors import Forbidden, InvalidRequest
from manifests.operation import JSON, NUMBER, Auth, Operation, Param, Reply

PROTOBUF: Final = "application/x-protobuf"
_BYTES: Final[Mapping[str, Any]] = {"type": "string", "format": "binary"}
_SPANS: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "ExportTraceServiceRequest in JSON: ids in hex, 64-bit numbers as strings.",
    "properties": {"resourceSpans": {"type": "array", "items": {"type": "object"}}},
}
_TAKEN: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "ExportTraceServiceResponse: empty when every span was taken.",
    "properties": {
        "partialSuccess": {
            "type": "object",
            "properties": {
                "rejectedSpans": {"type": "string", "pattern": "^[0-9]+$"},
                "errorMessage": {"type": "string"},
            },
        }
    },
}
_GIVEN: Final[Mapping[str, Any]] = {
    **_SPANS,
    "description": "TracesData in JSON.",
    "required": ["resourceSpans"],
}
_LIMIT: Final[Mapping[str, Any]] = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}
_TRACE_ID: Final[Mapping[str, Any]] = {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"}


def otlp_operations() -> tuple[Operation, ...]:
    """Taking spans at the documented path and at the one that exporters append, and giving them."""
    return (
        _taking("/v1/otlp/traces", "ingestTraces"),
        _taking("/v1/otlp/v1/traces", "ingestTracesOfExporter"),
        Operation(
            "GET",
            "/v1/otlp/export",
            "exportTraces",
            "Spans as OTLP",
            Auth.KEY,
            description=(
                "The account's spans, the server's and those it sent, in the order of arrival: JSON, or "
                "protobuf by Accept. X-BatchIn-Next names where the next page begins."
            ),
            tag="account",
            params=(
                Param("limit", "query", "Most calls and sent spans.", _LIMIT),
                Param(
                    "after",
                    "query",
                    "X-BatchIn-Next of the page before.",
                    NUMBER,
                ),
                Param("trace_id", "query", "Only this trace.", _TRACE_ID),
            ),
            replies={
                200: Reply(
                    "The spans.",
                    {JSON: _GIVEN, PROTOBUF: _BYTES},
                    ("X-BatchIn-Next",),
                )
            },
            errors=(InvalidRequest, Forbidden),
        ),
    )


def _taking(path: str, operation_id: str) -> Operation:
    return Operation(
        "POST",
        path,
        operation_id,
        "Take spans by OTLP",
        Auth.KEY,
        description=(
            "OTLP/HTTP in JSON or protobuf (application/x-protobuf), gzip too. The spans join the "
            "account's traces; the same span again replaces it."
        ),
        tag="account",
        request=_SPANS,
        replies={200: Reply("They are kept.", {JSON: _TAKEN, PROTOBUF: _BYTES})},
        errors=(InvalidRequest, Forbidden),
    )
