"""W3C trace context: what is continued, what is ignored, what is passed on."""

import pytest

from base.trace import trace_from

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "header",
    [
        GOOD,
        f"01-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
        f"cc-{TRACE}-{SPAN}-01-",
    ],
)
def test_a_valid_parent_is_continued(header: str) -> None:
    trace = trace_from(header)
    assert (trace.trace_id, trace.parent_id, trace.flags) == (TRACE, SPAN, "01")
    assert trace.span_id != SPAN
    assert trace.traceparent() == f"00-{TRACE}-{trace.span_id}-01"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"cc-{TRACE}-{SPAN}-01.later",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f" {GOOD}",
        f"{GOOD}\n",
    ],
)
def test_anything_else_starts_a_trace(header: str | None) -> None:
    trace = trace_from(header, "vendor=1")
    assert trace.trace_id != TRACE
    assert (trace.parent_id, trace.state) == (None, "")


@pytest.mark.parametrize(("sent", "kept"), [("00", "00"), ("03", "03"), ("ff", "03"), ("fc", "00")])
def test_unknown_flags_are_set_to_zero(sent: str, kept: str) -> None:
    assert trace_from(f"00-{TRACE}-{SPAN}-{sent}").flags == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("a=1 ,\tb=2,,", "a=1,b=2"),
        ("1tenant@vendor=x", "1tenant@vendor=x"),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=1\x00", ""),
        (",".join(f"k{number}=v" for number in range(32)), ",".join(f"k{n}=v" for n in range(32))),
        (",".join(f"k{number}=v" for number in range(33)), ""),
        ("a=" + "x" * 5000, ""),
    ],
)
def test_tracestate_is_passed_on_whole_or_not_at_all(sent: str, kept: str) -> None:
    assert trace_from(GOOD, sent).state == kept
