"""Calls are admitted by the limits of their key, workspace, lane and region, all of them or none."""

from dataclasses import replace

import pytest

from base.allowance import Allowance
from base.caller import ANONYMOUS, Caller, CallerKind
from base.errors import InvalidRequest, RateLimited
from settlement.limits.limits import Limits
from tests.clocks import HandClock

KEY = Caller(CallerKind.ACCOUNT, "a1", "k1", allowance=Allowance(rpm=60))


def admitted(limits: Limits, caller: Caller, calls: int, tokens: int = 0) -> int:
    """How many of so many calls at once are let through; they go on running."""
    count = 0
    for _ in range(calls):
        quota = limits.quota(caller)
        assert quota is not None
        try:
            quota.admit(tokens)
        except RateLimited:
            continue
        count += 1
    return count


def test_ten_times_the_limit_lets_the_limit_through() -> None:
    clock = HandClock()
    limits = Limits({}, clock)
    assert admitted(limits, KEY, 600) == 60
    clock.advance_s(30)
    assert admitted(limits, KEY, 600) == 30
    assert admitted(limits, replace(KEY, key_id="k2"), 600) == 60


def test_who_is_not_limited_has_no_quota() -> None:
    limits = Limits({}, HandClock())
    assert limits.quota(ANONYMOUS) is None
    assert limits.quota(replace(KEY, allowance=None)) is None


def test_a_refusal_tells_when_to_come_back() -> None:
    limits = Limits({}, HandClock())
    admitted(limits, KEY, 60)
    quota = limits.quota(KEY)
    assert quota is not None
    with pytest.raises(RateLimited) as caught:
        quota.admit(0)
    assert caught.value.retry_after_s == 1
    assert caught.value.headers["x-ratelimit-remaining-requests"] == "0"
    assert caught.value.headers["ratelimit"] == '"key-requests";r=0;t=60'
    assert caught.value.headers["ratelimit-policy"] == '"key-requests";q=60;w=60'


def test_a_rule_holds_for_each_workspace_of_each_account_on_its_own() -> None:
    limits = Limits({"workspace:*": Allowance(rpm=2), "workspace:lab": Allowance(rpm=5)}, HandClock())
    plain = replace(KEY, allowance=None)
    assert admitted(limits, plain, 9) == 2
    assert admitted(limits, replace(plain, key_id="k2"), 9) == 0
    assert admitted(limits, replace(plain, account_id="a2"), 9) == 2
    assert admitted(limits, replace(plain, workspace="lab"), 9) == 5


def test_a_lane_and_a_region_are_shared_by_all() -> None:
    rules = {"lane:batch": Allowance(rpm=3), "region:eu": Allowance(concurrency=1)}
    limits = Limits(rules, HandClock())
    batch = replace(KEY, allowance=None, lane="batch")
    assert admitted(limits, batch, 2) == 2
    assert admitted(limits, replace(batch, account_id="a2", key_id="k2"), 9) == 1
    assert admitted(limits, replace(ANONYMOUS, region="eu"), 3) == 1


def test_a_refused_call_takes_nothing_of_the_other_limits() -> None:
    limits = Limits({"lane:shared": Allowance(rpm=1)}, HandClock())
    admitted(limits, KEY, 9)
    quota = limits.quota(KEY)
    assert quota is not None
    assert dict(quota.headers())["ratelimit"] == '"key-requests";r=59;t=1, "lane-requests";r=0;t=60'


def test_tokens_are_reserved_at_their_most_and_corrected_at_the_end() -> None:
    limits = Limits({}, HandClock())
    caller = replace(KEY, allowance=Allowance(tpm=1000))
    first, second = limits.quota(caller), limits.quota(caller)
    assert first is not None
    assert second is not None
    first.admit(900)
    with pytest.raises(RateLimited):
        second.admit(200)
    first.release(100)
    first.release(100)
    second.admit(200)
    assert dict(second.headers())["x-ratelimit-remaining-tokens"] == "700"


def test_an_engine_that_makes_tokens_up_shuts_nobody_out() -> None:
    limits = Limits({}, HandClock())
    caller = replace(KEY, allowance=Allowance(tpm=1000))
    first, second = limits.quota(caller), limits.quota(caller)
    assert first is not None
    assert second is not None
    first.admit(200)
    first.release(2**40)
    assert dict(second.headers())["x-ratelimit-remaining-tokens"] == "800"


def test_a_call_beyond_a_whole_minute_of_tokens_is_told_so() -> None:
    quota = Limits({}, HandClock()).quota(replace(KEY, allowance=Allowance(tpm=1000)))
    assert quota is not None
    with pytest.raises(InvalidRequest) as caught:
        quota.admit(1001)
    assert caught.value.param == "max_tokens"


def test_a_place_is_free_again_when_its_call_ended() -> None:
    limits = Limits({}, HandClock())
    caller = replace(KEY, allowance=Allowance(concurrency=2))
    quotas = [limits.quota(caller) for _ in range(3)]
    for quota in quotas[:2]:
        assert quota is not None
        quota.admit(0)
    last = quotas[2]
    assert last is not None
    with pytest.raises(RateLimited):
        last.admit(0)
    last.release(0)
    assert quotas[0] is not None
    quotas[0].release(0)
    last.admit(0)


def test_idle_gates_are_forgotten_and_busy_ones_are_not() -> None:
    clock = HandClock()
    limits = Limits({}, clock)
    assert admitted(limits, replace(KEY, allowance=Allowance(concurrency=1), key_id="busy"), 1) == 1
    for number in range(10_000):
        quota = limits.quota(replace(KEY, key_id=f"k{number}"))
        assert quota is not None
        quota.admit(0)
        quota.release(0)
        clock.advance_s(2)
    assert limits.size < 5000
    assert admitted(limits, replace(KEY, allowance=Allowance(concurrency=1), key_id="busy"), 1) == 0
