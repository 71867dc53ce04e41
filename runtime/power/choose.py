"""Which meter measures the engines that this server runs itself."""

from collections.abc import Callable

from base.clock import Clock
from base.settings import Settings, SettingsError
from runtime.power.gpus import Gpus
from runtime.power.packages import CpuPackages
from runtime.power.source import PowerMeter, PowerSource


def cpu_power(settings: Settings, clock: Clock) -> PowerSource | None:
    """Where the settings ask for it. Raises SettingsError where the CPU tells nothing."""
    return _source(settings, clock, CpuPackages)


def gpu_power(settings: Settings, clock: Clock, leader: Callable[[], int | None]) -> PowerSource | None:
    """As ``cpu_power``, of the GPUs on which a group of processes computes."""
    return _source(settings, clock, lambda: Gpus(leader))


def _source(settings: Settings, clock: Clock, meter: Callable[[], PowerMeter]) -> PowerSource | None:
    if not settings.measure_power:
        return None
    try:
        return PowerSource(meter(), clock)
    except (ImportError, OSError) as error:
        raise SettingsError(
            f"measure_power: this machine tells no power ({error}). The counters of CPUs lie under "
            "/sys/class/powercap and may be root's alone; GPUs need nvidia-ml-py and their driver. "
            "Leave measure_power out, and set power_w where you know the power."
        ) from None
