"""Workspace, lane and region: what a key is bound to, headers narrow and never widen; time limits."""

from collections.abc import Mapping

import pytest

from base.caller import ANONYMOUS, Caller, CallerKind
from base.errors import BatchinError, Forbidden, InvalidRequest
from base.resource import Resource
from server.web.caller import Callers
from server.web.request import Head
from server.web.scopes import narrowed
from settlement.rail import Delivery
from tests.clocks import HandClock

FREE = Caller(CallerKind.ACCOUNT, "a", "key_1")
BOUND = Caller(CallerKind.ACCOUNT, "a", "key_2", lane="private:acme", region="eu", workspace="shop")


def head(**headers: str) -> Head:
    return Head({f"x-batchin-{name}".encode(): value.encode() for name, value in headers.items()})


def bounds(caller: Caller) -> tuple[str, str, str]:
    return caller.workspace, caller.lane, caller.region


def test_without_headers_a_call_is_where_its_key_is() -> None:
    assert narrowed(BOUND, head()) is BOUND


@pytest.mark.parametrize(
    ("caller", "headers", "expected"),
    [
        (FREE, {"workspace": "shop", "region": "eu"}, ("shop", "shared", "eu")),
        (FREE, {"lane": "batch"}, ("default", "batch", "local")),
        (FREE, {"lane": "fill"}, ("default", "fill", "local")),
        (ANONYMOUS, {"region": "eu"}, ("default", "shared", "eu")),
        (BOUND, {"lane": "private:acme", "region": "eu"}, ("shop", "private:acme", "eu")),
        (BOUND, {"lane": "shared"}, ("shop", "shared", "eu")),
        (BOUND, {"lane": "batch", "workspace": "shop"}, ("shop", "batch", "eu")),
    ],
)
def test_what_may_be_asked(
    caller: Caller, headers: dict[str, str], expected: tuple[str, str, str]
) -> None:
    assert bounds(narrowed(caller, head(**headers))) == expected


@pytest.mark.parametrize(
    ("caller", "headers", "error"),
    [
        (FREE, {"lane": "private:acme"}, Forbidden),
        (ANONYMOUS, {"lane": "private:acme"}, Forbidden),
        (BOUND, {"lane": "private:other"}, Forbidden),
        (BOUND, {"region": "us"}, Forbidden),
        (BOUND, {"region": "local"}, Forbidden),
        (BOUND, {"workspace": "default"}, Forbidden),
        (Caller(CallerKind.ACCOUNT, "a", "k", lane="batch"), {"lane": "shared"}, Forbidden),
        (FREE, {"lane": "fast"}, InvalidRequest),
        (FREE, {"lane": "private:"}, InvalidRequest),
        (FREE, {"region": "e u"}, InvalidRequest),
        (FREE, {"workspace": ""}, InvalidRequest),
        (FREE, {"workspace": "a" * 65}, InvalidRequest),
    ],
)
def test_what_may_not(caller: Caller, headers: dict[str, str], error: type[BatchinError]) -> None:
    with pytest.raises(error) as refused:
        narrowed(caller, head(**headers))
    assert str(refused.value.param).lower() == f"x-batchin-{next(iter(headers))}"


@pytest.mark.parametrize(
    ("timeouts", "caller", "headers", "expected_s"),
    [
        ({}, BOUND, {}, 300),
        ({"lane:private:acme": 60, "region:us": 1}, BOUND, {}, 60),
        ({"lane:batch": 3_000, "workspace:shop": 90, "region:eu": 45, "key:key_2": 70}, BOUND, {}, 45),
        ({"lane:batch": 20}, FREE, {"lane": "batch"}, 20),
        ({"key:key_1": 5, "lane:batch": 20}, FREE, {"lane": "batch"}, 5),
        ({"lane:batch": 20}, ANONYMOUS, {}, 300),
    ],
)
def test_of_several_time_limits_the_smallest_wins(
    timeouts: Mapping[str, float], caller: Caller, headers: dict[str, str], expected_s: float
) -> None:
    clock = HandClock()
    callers = Callers(lambda _: FREE, lambda _: None, clock, 300, timeouts)
    call = callers.call(head(**headers), caller, Resource("http://test", "t"), Delivery.WHOLE)
    assert call.deadline_s - clock.monotonic_s() == expected_s
