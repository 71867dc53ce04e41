"""Calls of this server as one OTLP message, for a collector."""

from collections.abc import Sequence

from tools.observe import CallReport
from tools.records.calls import spans_of, told


def message_of_calls(reports: Sequence[CallReport], version: str) -> bytes:
    """The spans of calls as an ExportTraceServiceRequest in protobuf. Takes its time: for a thread."""
    from tools.records import message, wire

    groups = [
        message.message_of(
            spans_of(course.trace.trace_id, course.trace.span_id, told(report, course)), version
        )
        for report in reports
        if (course := report.course) is not None
    ]
    return wire.joined(groups).SerializeToString()
