"""CPU packages by RAPL, on a tree as Linux 6.8 shows it on a machine with two of them."""

import os
from pathlib import Path

import pytest

from base.clock import SystemClock
from base.settings import Settings, SettingsError
from runtime.power.choose import cpu_power, gpu_power
from runtime.power.packages import CpuPackages

RANGE_UJ = 262_143_328_850


def domain(root: Path, name: str, title: str, energy_uj: int) -> Path:
    folder = root / name
    folder.mkdir()
    (folder / "name").write_text(f"{title}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    return folder


@pytest.fixture
def packages(tmp_path: Path) -> list[Path]:
    """Two of them; the parts of the first, the whole board and the controller itself beside them."""
    (tmp_path / "intel-rapl").mkdir()
    domain(tmp_path, "intel-rapl:0:0", "core", 10)
    domain(tmp_path, "intel-rapl:0:1", "dram", 10)
    domain(tmp_path, "intel-rapl:2", "psys", 10)
    return [domain(tmp_path, f"intel-rapl:{n}", f"package-{n}", 50_000_000 * (n + 1)) for n in range(2)]


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def add(package: Path, energy_uj: int) -> None:
    before = int((package / "energy_uj").read_text())
    (package / "energy_uj").write_text(f"{(before + energy_uj) % RANGE_UJ}\n")


def test_the_mean_power_of_both_since_it_was_asked_last(tmp_path: Path, packages: list[Path]) -> None:
    clock = Seconds()
    meter = CpuPackages(tmp_path, clock)
    add(packages[0], 30_000_000)
    add(packages[1], 50_000_000)
    clock.now += 2
    assert meter.watts() == 40
    add(packages[1], 7_000_000)
    clock.now += 0.5
    assert meter.watts() == 14


def test_a_counter_that_begins_anew(tmp_path: Path, packages: list[Path]) -> None:
    clock = Seconds()
    (packages[0] / "energy_uj").write_text(f"{RANGE_UJ - 1_000_000}\n")
    meter = CpuPackages(tmp_path, clock)
    add(packages[0], 60_000_000)
    clock.now += 1
    assert meter.watts() == 60


def test_no_time_and_no_counter_is_no_power(tmp_path: Path, packages: list[Path]) -> None:
    meter = CpuPackages(tmp_path, Seconds())
    assert meter.watts() is None
    (packages[1] / "energy_uj").unlink()
    assert meter.watts() is None


def test_a_machine_without_counters(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no RAPL domain"):
        CpuPackages(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads all")
def test_counters_that_are_not_ours_to_read(tmp_path: Path, packages: list[Path]) -> None:
    (packages[0] / "energy_uj").chmod(0)
    with pytest.raises(PermissionError):
        CpuPackages(tmp_path)


def test_who_asks_for_what_the_machine_does_not_tell_is_told_so() -> None:
    clock = SystemClock()
    assert cpu_power(Settings(), clock) is None
    assert gpu_power(Settings(), clock, lambda: 1) is None
    with pytest.raises(SettingsError, match=r"measure_power: this machine tells no power .*power_w"):
        gpu_power(Settings(measure_power=True), clock, lambda: 1)
