"""The breaker: what opens it, who probes, what closes it."""

from runtime.routing.breaker import FAILURES, Breaker, Pass
from tests.clocks import HandClock


def opened(clock: HandClock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.failed(breaker.enter())
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    breaker = Breaker(HandClock())
    for _ in range(FAILURES - 1):
        breaker.failed(breaker.enter())
    breaker.succeeded(breaker.enter())
    breaker.failed(breaker.enter())
    assert breaker.passes
    for _ in range(FAILURES - 1):
        breaker.failed(breaker.enter())
    assert not breaker.passes


def test_cooled_down_it_passes_one_probe_whose_success_closes_it() -> None:
    clock = HandClock()
    breaker = opened(clock)
    clock.advance_s(1)
    probe = breaker.enter()
    assert probe is Pass.PROBE
    assert not breaker.passes
    breaker.succeeded(probe)
    assert breaker.closed
    assert breaker.passes


def test_a_failed_probe_opens_it_for_twice_as_long_up_to_a_bound() -> None:
    clock = HandClock()
    breaker = opened(clock)
    waits = []
    for _ in range(7):
        waits.append(breaker.wait_s)
        clock.advance_s(int(breaker.wait_s))
        breaker.failed(breaker.enter())
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_many_calls_that_fail_together_open_it_once() -> None:
    clock = HandClock()
    breaker = Breaker(clock)
    passes = [breaker.enter() for _ in range(50)]
    for passed in passes:
        breaker.failed(passed)
    assert breaker.wait_s == 1


def test_the_success_of_a_call_from_before_does_not_close_it() -> None:
    breaker = Breaker(HandClock())
    early = breaker.enter()
    for _ in range(FAILURES):
        breaker.failed(breaker.enter())
    breaker.succeeded(early)
    assert not breaker.closed


def test_a_probe_that_was_given_up_lets_another_one_go() -> None:
    clock = HandClock()
    breaker = opened(clock)
    clock.advance_s(1)
    breaker.abandoned(breaker.enter())
    assert breaker.passes
