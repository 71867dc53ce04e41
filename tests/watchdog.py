"""How long single steps of an event loop compute, and how late the loop is."""

import asyncio
import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from unittest.mock import patch

ROOT: Final = Path(__file__).parents[1]
ROUNDS: Final = 3
_PAUSE_S: Final = 0.002


@dataclass
class Busy:
    """``worst_ms`` is the processor time of the longest of the ``steps``, ``step`` what it was."""

    worst_ms: float = 0.0
    step: str = ""
    steps: int = 0


@contextmanager
def busy_steps() -> Iterator[Busy]:
    """Measure every callback of asyncio's loops in this thread.

    Processor time of the thread and not wall time: a machine that is busy otherwise makes every step
    late, and none longer. The garbage of a whole test suite is not the loop's: it is not collected here.
    """
    busy, run = Busy(), asyncio.Handle._run

    def timed(handle: Any) -> None:
        began_s = time.thread_time()
        run(handle)
        took_ms = (time.thread_time() - began_s) * 1000
        busy.steps += 1
        if took_ms > busy.worst_ms:
            busy.worst_ms, busy.step = took_ms, repr(handle)

    gc.collect()
    gc.disable()
    try:
        with patch.object(asyncio.Handle, "_run", timed):
            yield busy
    finally:
        gc.enable()


async def calmest(work: Callable[[int], Awaitable[None]]) -> Busy:
    """The calmest of ``ROUNDS`` rounds of ``work``: a machine that stands still for a moment makes a
    step of one round long, a step that computes is long in each."""
    rounds = []
    for number in range(ROUNDS):
        with busy_steps() as busy:
            await work(number)
        rounds.append(busy)
    return min(rounds, key=lambda busy: busy.worst_ms)


@dataclass
class Watchdog:
    """Wakes every 2 ms and notes how late it was (``worst_ms``), what of that was not the wait for a
    processor (``worst_own_ms``: steps that compute, and steps that wait for a disk or a chain), and how
    long this thread computed meanwhile (``worst_busy_ms``)."""

    worst_ms: float = 0.0
    worst_own_ms: float = 0.0
    worst_busy_ms: float = 0.0
    took_s: float = 0.0

    @property
    def told(self) -> str:
        return (
            f"{self.took_s:.1f} s: at worst {self.worst_ms:.1f} ms late, {self.worst_own_ms:.1f} ms of "
            f"it not for a processor, {self.worst_busy_ms:.1f} ms computed"
        )

    async def __aenter__(self) -> Self:
        self._began = time.monotonic()
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        self.took_s = time.monotonic() - self._began

    async def _watch(self) -> None:
        waited = _waits()
        while True:
            began, busy, queued = time.monotonic(), time.thread_time(), waited()
            await asyncio.sleep(_PAUSE_S)
            late_ms = (time.monotonic() - began - _PAUSE_S) * 1000
            self.worst_ms = max(self.worst_ms, late_ms)
            self.worst_own_ms = max(self.worst_own_ms, late_ms - (waited() - queued))
            self.worst_busy_ms = max(self.worst_busy_ms, (time.thread_time() - busy) * 1000)


def _waits() -> Callable[[], float]:
    """Reads how long this thread has waited for a processor so far, in ms (Linux: ``schedstat``); it
    waits for none where nobody counts that."""
    file = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    if not file.exists():
        return lambda: 0.0
    return lambda: int(file.read_bytes().split()[1]) / 1_000_000


@contextmanager
def beside() -> Iterator[Callable[[], Watchdog]]:
    """A watchdog in a process of its own, which does nothing else: what it saw, once it is asked."""
    command = [sys.executable, "-m", "tests.watchdog"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it watches

    def seen() -> Watchdog:
        out, _ = process.communicate()
        return Watchdog(**json.loads(out))

    try:
        yield seen
    finally:
        process.kill()
        process.wait()


async def _alone() -> None:
    """Watch until the standard input ends, then tell."""
    async with Watchdog() as watchdog:
        print("watching", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    told = ("worst_ms", "worst_own_ms", "worst_busy_ms", "took_s")
    print(json.dumps({name: getattr(watchdog, name) for name in told}))


if __name__ == "__main__":
    asyncio.run(_alone())
