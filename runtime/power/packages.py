"""CPU packages: the energy counters of RAPL, as Linux's powercap shows them (Intel, AMD since Zen).

They count what the whole package draws, whoever makes it work (Linux: power/powercap/powercap.rst).
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

POWERCAP: Final = Path("/sys/class/powercap")
_US_PER_S: Final = 1_000_000


class CpuPackages:
    """All packages of the machine together. Raises OSError where they tell nothing, or not to us."""

    def __init__(self, root: Path = POWERCAP, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._ranges = {domain: _number(domain / "max_energy_range_uj") for domain in _packages(root)}
        if not self._ranges:
            raise FileNotFoundError(f"{root} has no RAPL domain of a CPU package")
        self._before, self._before_s = self._energies(), clock_s()

    def watts(self) -> float | None:
        """The mean since it was asked last."""
        try:
            energies = self._energies()
        except OSError:
            return None
        now_s = self._clock_s()
        used_uj = sum(self._used(domain, energies[domain]) for domain in energies)
        passed_s = now_s - self._before_s
        self._before, self._before_s = energies, now_s
        return used_uj / _US_PER_S / passed_s if passed_s > 0 else None

    def _energies(self) -> Mapping[Path, int]:
        return {domain: _number(domain / "energy_uj") for domain in self._ranges}

    def _used(self, domain: Path, energy_uj: int) -> int:
        """A counter begins anew at the end of its range, after some minutes of full work."""
        used = energy_uj - self._before[domain]
        return used if used >= 0 else used + self._ranges[domain]


def _packages(root: Path) -> list[Path]:
    """A package's parts (core, uncore, dram) have domains of their own, which it does not need."""
    return [
        domain
        for domain in sorted(root.glob("intel-rapl:*"))
        if (domain / "name").read_text().startswith("package-")
    ]


def _number(file: Path) -> int:
    return int(file.read_text())
