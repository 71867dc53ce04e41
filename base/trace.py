"""W3C trace context (https://www.w3.org/TR/trace-context/): strict in, always out."""

import re
import secrets
from dataclasses import dataclass
from typing import Final

_TRACEPARENT: Final = re.compile(
    r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]*)?"
)
_MEMBER: Final = re.compile(
    r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_KNOWN_FLAGS: Final = 0x03  # sampled, random (level 2)
_MOST_MEMBERS: Final = 32
_LONGEST_STATE: Final = 4096


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace that a call belongs to and the span that is the call itself. ``state`` is the
    tracestate that came with it, "" where none did."""

    trace_id: str
    span_id: str
    parent_id: str | None
    flags: str = "01"
    state: str = ""

    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def below(self, span_id: str) -> "Trace":
        """The span of that id, whose parent is this one."""
        return Trace(self.trace_id, span_id, self.span_id, self.flags, self.state)


def trace_from(traceparent: str | None, tracestate: str | None = None) -> Trace:
    """Continue the caller's trace when its header is well formed, else start one (section 3.2); then its
    tracestate is ignored too (3.3). Of a version to come the known part is read (4.3)."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match is None or not _may_continue(match):
        random = secrets.token_hex(24)
        return Trace(random[:32], random[32:], None)
    flags = f"{int(match[4], 16) & _KNOWN_FLAGS:02x}"
    state = _state(tracestate) if tracestate else ""
    return Trace(match[2], secrets.token_hex(8), match[3], flags, state)


def _may_continue(match: "re.Match[str]") -> bool:
    if match[1] == "ff" or (match[1] == "00" and match[5] is not None):
        return False
    return bool(int(match[2], 16) and int(match[3], 16))


def _state(text: str) -> str:
    """The tracestate as it is passed on: whole, or not at all (section 3.3.1)."""
    if len(text) > _LONGEST_STATE:
        return ""
    members = [member.strip(" \t") for member in text.split(",")]
    kept = [member for member in members if member]
    keys = {member.partition("=")[0] for member in kept}
    whole = all(_MEMBER.fullmatch(member) for member in kept)
    return ",".join(kept) if whole and len(keys) == len(kept) <= _MOST_MEMBERS else ""
