"""A bucket never lets more through than its limit, however calls come."""

from hypothesis import given
from hypothesis import strategies as st

from settlement.limits.gcra import MINUTE_NS, Bucket


def test_a_full_bucket_is_taken_at_once_and_refills_evenly() -> None:
    bucket = Bucket(60)
    for _ in range(60):
        assert bucket.wait_ns(0, 1) == 0
        bucket.take(0, 1)
    assert bucket.left(0) == 0
    assert bucket.wait_ns(0, 1) == MINUTE_NS // 60
    assert bucket.wait_ns(MINUTE_NS // 60, 1) == 0
    assert bucket.left(MINUTE_NS // 2) == 30
    assert bucket.full_in_ns(0) == MINUTE_NS


def test_what_is_given_back_can_be_taken_again() -> None:
    bucket = Bucket(100)
    bucket.take(0, 100)
    bucket.give_back(40)
    assert bucket.left(0) == 40
    assert bucket.wait_ns(0, 40) == 0
    assert bucket.wait_ns(0, 41) > 0


@given(
    limit=st.integers(1, 1000),
    steps=st.lists(st.tuples(st.integers(0, 2 * MINUTE_NS), st.integers(1, 50)), max_size=200),
)
def test_any_minute_holds_at_most_a_full_bucket_and_its_refill(
    limit: int, steps: list[tuple[int, int]]
) -> None:
    bucket, now_ns = Bucket(limit), 0
    taken: list[tuple[int, int]] = []
    for pause_ns, units in steps:
        now_ns += pause_ns
        if units <= limit and bucket.wait_ns(now_ns, units) == 0:
            bucket.take(now_ns, units)
            taken.append((now_ns, units))
        assert 0 <= bucket.left(now_ns) <= limit
    for start_ns, _ in taken:
        within = sum(units for at, units in taken if start_ns <= at < start_ns + MINUTE_NS)
        assert within <= 2 * limit


@given(limit=st.integers(1, 10**6), units=st.integers(1, 10**6), now_ns=st.integers(0, 10**15))
def test_after_the_wait_it_is_let_through(limit: int, units: int, now_ns: int) -> None:
    units = min(units, limit)
    bucket = Bucket(limit)
    bucket.take(now_ns, limit)
    wait_ns = bucket.wait_ns(now_ns, units)
    assert wait_ns > 0
    assert bucket.wait_ns(now_ns + wait_ns - 1, units) == 1
    assert bucket.wait_ns(now_ns + wait_ns, units) == 0
