"""Calls that were refused before they began: each has its line in the log and its count too."""

from base.errors import BatchinError
from base.ids import new_id
from base.usage import Usage
from server.web.respond import HeaderList
from tools.observe import CallReport, Observer


def report_refusal(observer: Observer, tool: str, error: BatchinError) -> str:
    """Report a refusal on the way to ``tool``; returns the request id that names it."""
    request_id = new_id("req")
    observer.call_ended(
        CallReport(
            run_id="",
            request_id=request_id,
            trace_id="",
            tool=tool,
            model="",
            caller="anonymous",
            rail="none",
            outcome=error.code,
            usage=Usage(),
            charged_nano_usd=0,
            first_ms=0.0,
            total_ms=0.0,
        )
    )
    return request_id


def refusal_headers(observer: Observer, tool: str, error: BatchinError) -> HeaderList:
    """Report a refusal; the headers of its answer."""
    return [(b"x-request-id", report_refusal(observer, tool, error).encode())]
