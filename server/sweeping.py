"""Deleting what has expired, beside everything else."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

_PAUSE_S: Final = 5.0
_log: Final = logging.getLogger("batchin.sweeping")


async def sweeping(*sweeps: Callable[[], Awaitable[int]], pause_s: float = _PAUSE_S) -> None:
    """Call each until cancelled; each tells how many things it deleted. Trouble is logged and tried
    again."""
    while True:
        swept = 0
        for sweep in sweeps:
            try:
                swept += await sweep()
            except Exception as error:  # noqa: BLE001 - the next round may do better
                _log.error("what expired could not be deleted: %s", type(error).__name__)
        if not swept:
            await asyncio.sleep(pause_s)
