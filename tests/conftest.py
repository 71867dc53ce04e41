"""Settings of the suite: hypothesis tries the same examples on every run; workers are more than cores;
modules are loaded without looking for garbage in them."""

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("batchin", derandomize=True, deadline=None)
settings.load_profile("batchin")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded stays: no collection of garbage looks it through again, and holds a test up."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores: a test often waits, for a disk, a clock or a process that starts."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + (cores + 1) // 2
