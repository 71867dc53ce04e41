"""Shares of busy time: they add up to the time in which anything ran."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.routing.share import BusyShare
from tests.clocks import HandClock


def test_two_calls_at_once_share_the_time() -> None:
    clock = HandClock()
    busy = BusyShare(clock)
    clock.advance_s(100)  # idle
    first = busy.enter()
    clock.advance_s(4)
    second = busy.enter()
    clock.advance_s(6)
    assert busy.since(second) == 3
    assert busy.leave(first) == 4 + 3
    clock.advance_s(5)
    assert busy.leave(second) == 3 + 5


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 100)), max_size=60))
def test_shares_add_up_to_the_busy_time(steps: list[tuple[bool, int]]) -> None:
    clock = HandClock()
    busy = BusyShare(clock)
    marks: list[float] = []
    shares, busy_s = 0.0, 0
    for enters, seconds in steps:
        if enters:
            marks.append(busy.enter())
        elif marks:
            shares += busy.leave(marks.pop(0))
        clock.advance_s(seconds)
        busy_s += seconds if marks else 0
    shares += sum(busy.leave(mark) for mark in marks)
    assert abs(shares - busy_s) < 1e-6 * (1 + busy_s)
