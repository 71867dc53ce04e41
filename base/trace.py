"""W3C trace context (https://www.w3.org/TR/trace-context/): strict in, always out."""

import re
import secrets
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace that a call belongs to and the span that is the call itself."""

    trace_id: str
    span_id: str
    parent_id: str | None
    flags: str = "01"

    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def trace_from(traceparent: str | None) -> Trace:
    """Continue the caller's trace when its header is well formed, else start one (section 3.2)."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match is None or not int(match[1], 16) or not int(match[2], 16):
        random = secrets.token_hex(24)
        return Trace(random[:32], random[32:], None)
    return Trace(match[1], secrets.token_hex(8), match[2], match[3])
