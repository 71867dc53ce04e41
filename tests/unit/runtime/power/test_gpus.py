"""NVIDIA GPUs by NVML, on its API as nvidia-ml-py 13 has it: no GPU is here."""

import os
from types import SimpleNamespace

import pytest

from runtime.power.gpus import Gpus


class NVMLError(Exception):
    pass


class Gpu:
    """One GPU: its power in milliwatts, and the processes that compute there."""

    def __init__(self, power: int, *processes: int) -> None:
        self.power = power
        self.processes = [SimpleNamespace(pid=pid) for pid in processes]


def nvml(*gpus: Gpu) -> SimpleNamespace:
    """The functions that are used, by their names there."""
    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: len(gpus),
        nvmlDeviceGetHandleByIndex=lambda index: gpus[index],
        nvmlDeviceGetPowerUsage=lambda gpu: gpu.power,
        nvmlDeviceGetComputeRunningProcesses=lambda gpu: gpu.processes,
    )


def broken(*_: object) -> None:
    raise NVMLError("Driver Not Loaded")


NOBODY = 2**22 + 1  # no process has this id


def test_the_power_of_those_on_which_the_group_computes() -> None:
    ours, other = os.getpid(), os.getppid()
    group = os.getpgid(ours)
    others = [] if os.getpgid(other) == group else [other]
    gpus = Gpu(300_500, NOBODY, ours), Gpu(250_000, ours), Gpu(70_000, *others), Gpu(60_000)
    assert Gpus(lambda: group, nvml(*gpus)).watts() == 550.5


def test_where_it_computes_on_none_nothing_is_said() -> None:
    assert Gpus(lambda: os.getpgid(0), nvml(Gpu(300_000, NOBODY))).watts() is None
    assert Gpus(lambda: None, nvml(Gpu(300_000, os.getpid()))).watts() is None


def test_a_driver_that_is_not_there_and_one_that_goes() -> None:
    library = nvml(Gpu(300_000, os.getpid()))
    meter = Gpus(lambda: os.getpgid(0), library)
    assert meter.watts() == 300
    library.nvmlDeviceGetPowerUsage = broken
    assert meter.watts() is None
    library.nvmlInit = broken
    with pytest.raises(OSError, match="Driver Not Loaded"):
        Gpus(lambda: 1, library)
