"""Rates by address: a house's network counts as one, and idle addresses are forgotten."""

import pytest

from base.errors import RateLimited
from settlement.limits.addresses import AddressLimits
from tests.clocks import HandClock


def test_addresses_have_their_own_rates() -> None:
    limits = AddressLimits(2, HandClock())
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", ""):
        limits.take(address)
        limits.take(address)
        with pytest.raises(RateLimited):
            limits.take(address)
    with pytest.raises(RateLimited):
        limits.take("2001:db8::ffff")
    with pytest.raises(RateLimited):
        limits.take("::ffff:192.0.2.1")


def test_what_is_idle_is_forgotten() -> None:
    clock = HandClock()
    limits = AddressLimits(60, clock)
    for number in range(5000):
        limits.take(f"10.0.{number // 250}.{number % 250}")
    clock.advance_s(120)
    for number in range(5000):
        limits.take(f"10.1.{number // 250}.{number % 250}")
    assert limits.size <= 8192
