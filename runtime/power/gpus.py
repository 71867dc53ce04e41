"""NVIDIA GPUs: the power that NVML tells of each (package ``nvidia-ml-py``).

Not yet run on a GPU.
"""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

_MW_PER_W: Final = 1000


class Gpus:
    """Those GPUs on which processes of one group compute: ``leader`` is the group's id, None while
    there is none.

    Raises ImportError without the package, OSError where no driver answers.
    """

    def __init__(self, leader: Callable[[], int | None], nvml: Any = None) -> None:
        self._leader = leader
        self._nvml = nvml or import_module("pynvml")
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            raise OSError(f"NVML: {error}") from None

    def watts(self) -> float | None:
        """What they draw now; None while the group computes on none."""
        leader = self._leader()
        if leader is None:
            return None
        nvml = self._nvml
        try:
            gpus = [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(nvml.nvmlDeviceGetCount())]
            powers = [nvml.nvmlDeviceGetPowerUsage(gpu) for gpu in gpus if self._computes(gpu, leader)]
        except nvml.NVMLError:
            return None
        return sum(powers) / _MW_PER_W if powers else None

    def _computes(self, gpu: Any, leader: int) -> bool:
        processes = self._nvml.nvmlDeviceGetComputeRunningProcesses(gpu)
        return any(_group_of(process.pid) == leader for process in processes)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
