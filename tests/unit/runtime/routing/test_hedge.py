"""When a first token counts as late."""

import statistics

from runtime.routing.hedge import Hedge


def test_nothing_is_late_before_enough_was_seen() -> None:
    hedge = Hedge()
    for _ in range(19):
        hedge.seen("m", 0.1)
    assert hedge.late_s("m") is None
    hedge.seen("m", 0.1)
    assert hedge.late_s("m") is not None
    assert hedge.late_s("other") is None


def test_late_is_mean_and_1645_sigma() -> None:
    hedge = Hedge()
    seen = [0.1, 0.3] * 10
    for value in seen:
        hedge.seen("m", value)
    late_s = hedge.late_s("m")
    assert late_s is not None
    expected = statistics.mean(seen) + 1.645 * statistics.pstdev(seen)
    assert abs(late_s - expected) < 1e-9


def test_it_follows_the_newest() -> None:
    hedge = Hedge()
    for value in (*[0.1] * 50, *[1.0] * 200):
        hedge.seen("m", value)
    late_s = hedge.late_s("m")
    assert late_s is not None
    assert 0.9 < late_s < 1.2
