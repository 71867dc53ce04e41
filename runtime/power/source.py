"""Hardware that engines of this server share, and the power that it draws."""

import asyncio
from typing import Final, Protocol

from base.clock import Clock
from runtime.routing.share import BusyShare

_PAUSE_S: Final = 0.5


class PowerMeter(Protocol):
    """Reads the counters of some hardware. Blocking."""

    def watts(self) -> float | None:
        """What it draws now, or drew since this was asked last; None while it can't be told."""
        ...


class PowerSource:
    """The calls of all engines on it share its busy time: its power is counted once, however many of
    them work. ``watts`` is the latest reading."""

    def __init__(self, meter: PowerMeter, clock: Clock) -> None:
        self.busy = BusyShare(clock)
        self.watts: float | None = None
        self._meter = meter
        self._clock = clock
        self._read_at_s = -_PAUSE_S

    async def look(self) -> None:
        """Read the meter, once for all engines that ask at about the same time."""
        now_s = self._clock.monotonic_s()
        if now_s - self._read_at_s >= _PAUSE_S:
            self._read_at_s = now_s
            self.watts = await asyncio.to_thread(self._meter.watts)
