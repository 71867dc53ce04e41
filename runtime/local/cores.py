"""How many threads an engine on this machine should have."""

import os
from pathlib import Path

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology"
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def engine_threads() -> int:
    """All physical cores but one, at least one thread.

    llama.cpp's threads wait for each other after every operation: one that shares its core with a busy
    process holds all of them up (measured on two cores: 91 tokens/s fell to 8). One core is therefore
    left to the server and its callers.
    """
    return max(1, usable_cores() - 1)


def usable_cores() -> int:
    """Cores that this process may use: hyper-threads count once, a container's quota caps."""
    cpus = _usable_cpus()
    cores = {core for cpu in cpus if (core := _core_of(cpu)) is not None}
    return max(1, min(len(cores) or len(cpus), _quota()))


def _usable_cpus() -> list[int]:
    affinity = getattr(os, "sched_getaffinity", None)
    return sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))


def _core_of(cpu: int) -> tuple[str, str] | None:
    folder = Path(_TOPOLOGY.format(cpu))
    try:
        return (folder / "physical_package_id").read_text(), (folder / "core_id").read_text()
    except OSError:
        return None


def _quota() -> int:
    """Whole CPUs of a cgroup v2 quota; no bound where there is none."""
    try:
        quota, period = _QUOTA.read_text().split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):
        return os.cpu_count() or 1
