"""How long single steps of an event loop compute."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch


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
