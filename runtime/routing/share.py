"""How much of a replica's busy time each call used: every instant is shared by those that run."""

from base.clock import Clock


class BusyShare:
    """Keeps the integral of 1/n(t), n being the calls that run: constant work a call, none a tick."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running = 0
        self._integral_s = 0.0
        self._at_s = clock.monotonic_s()

    def enter(self) -> float:
        """A call begins to run. The mark is for ``since`` and ``leave``."""
        self._advance()
        self._running += 1
        return self._integral_s

    def since(self, mark: float) -> float:
        """The share in seconds of a call that still runs."""
        self._advance()
        return self._integral_s - mark

    def leave(self, mark: float) -> float:
        """A call ends: its share in seconds."""
        self._advance()
        self._running -= 1
        return self._integral_s - mark

    def _advance(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._running:
            self._integral_s += (now_s - self._at_s) / self._running
        self._at_s = now_s
