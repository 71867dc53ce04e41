"""Energy of a call: power by whose word, times its share of the busy time."""

from base.energy import Energy
from runtime.power.source import PowerSource
from runtime.routing.replica import Service
from tests.clocks import HandClock
from tests.unit.runtime.routing.fleet import FAR_S, RESET, FakeEngine, call, fleet


async def test_two_calls_at_once_share_the_configured_power() -> None:
    clock = HandClock()
    async with fleet(FakeEngine(), services=[Service(4, 4, power_w=360)], clock=clock) as pool:
        first, second = pool.dispatch(call("a"), FAR_S), pool.dispatch(call("b"), FAR_S)
        await first.start()
        clock.advance_s(10)
        await second.start()
        clock.advance_s(20)
        await first.close()
        clock.advance_s(40)
        await second.close()
    # 360 W for a second are 0.1 Wh
    assert first.energy == Energy(20 * 100_000, "configured_power_busy_share")
    assert second.energy == Energy(50 * 100_000, "configured_power_busy_share")


class Meter:
    """Tells these watts, one after the other."""

    def __init__(self, *told: float | None) -> None:
        self._told = list(told)

    def watts(self) -> float | None:
        return self._told.pop(0)


async def test_what_the_hardware_reports_goes_before_what_was_configured() -> None:
    clock = HandClock()
    power = PowerSource(Meter(36), clock)
    services = [Service(4, 4, power_w=360)]
    async with fleet(FakeEngine(), services=services, clock=clock, power=power) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        await dispatch.replica.look()
        await dispatch.start()
        clock.advance_s(10)
        await dispatch.close()
    assert dispatch.energy == Energy(100_000, "reported_power_busy_share")


async def test_engines_on_the_same_hardware_share_its_power() -> None:
    clock = HandClock()
    power = PowerSource(Meter(36), clock)
    engines = FakeEngine("one"), FakeEngine("two")
    async with fleet(*engines, services=[Service(1, 0)] * 2, clock=clock, power=power) as pool:
        for replica in pool:
            await replica.look()  # the meter is read once
        first, second = pool.dispatch(call("a"), FAR_S), pool.dispatch(call("b"), FAR_S)
        await first.start()
        await second.start()
        assert first.replica is not second.replica
        clock.advance_s(20)
        await first.close()
        await second.close()
    assert first.energy == second.energy == Energy(100_000, "reported_power_busy_share")


async def test_hardware_that_tells_no_more_leaves_what_was_configured() -> None:
    clock = HandClock()
    power = PowerSource(Meter(36, None), clock)
    services = [Service(4, 4, power_w=360)]
    async with fleet(FakeEngine(), services=services, clock=clock, power=power) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        await dispatch.replica.look()
        clock.advance_s(1)
        await dispatch.replica.look()
        await dispatch.start()
        clock.advance_s(1)
        await dispatch.close()
    assert dispatch.energy == Energy(100_000, "configured_power_busy_share")


async def test_without_any_power_nothing_is_said() -> None:
    async with fleet(FakeEngine()) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        await dispatch.start()
        await dispatch.close()
    assert dispatch.energy is None


async def test_an_attempt_that_failed_is_not_the_callers_energy() -> None:
    clock = HandClock()
    engines = [FakeEngine("one"), FakeEngine("two")]
    async with fleet(*engines, services=[Service(4, 4, power_w=360)] * 2, clock=clock) as pool:
        dispatch = pool.dispatch(call(), FAR_S)
        await dispatch.start()
        clock.advance_s(10)
        await dispatch.again(RESET)
        clock.advance_s(1)
        await dispatch.close()
    assert dispatch.energy == Energy(100_000, "configured_power_busy_share")
