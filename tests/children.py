"""The child processes of a server: which they are, whether they work, and a way to hold them."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.live import LiveServer

CHAT_ENGINE = "runtime.local.chat_child"
PATIENCE_S = 60


def child_of(server: LiveServer, module: str) -> int:
    """The pid of the child that runs a module."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        for pid in _children(server.process.pid):
            if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
        assert time.monotonic() < deadline, f"no child runs {module}"
        time.sleep(0.02)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that takes what it is sent and does nothing, until it is killed or the block is left."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def wait_until_idle(pid: int, within_s: float = PATIENCE_S) -> float:
    """Until a process uses no processor any more; how long that took."""
    since = time.monotonic()
    before = _ticks(pid)
    while time.monotonic() < since + within_s:
        time.sleep(0.1)
        now = _ticks(pid)
        if now == before:
            return time.monotonic() - since
        before = now
    raise AssertionError(f"process {pid} still works after {within_s} s")


def wait_until_busy(pid: int, within_s: float = PATIENCE_S) -> None:
    """Until a process has worked for a tenth of a second."""
    deadline, before = time.monotonic() + within_s, _ticks(pid)
    while _ticks(pid) < before + 10:
        assert time.monotonic() < deadline, f"process {pid} does not work"
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _ticks(pid: int) -> int:
    """User and system time in clock ticks (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
