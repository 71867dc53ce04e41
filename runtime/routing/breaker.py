"""The breaker of one replica: opened by failures in a row, tried again by one call at a time."""

from enum import Enum
from typing import Final

from base.clock import Clock

FAILURES: Final = 3
"""Failures in a row that open it."""
_COOL_S: Final = 1.0
_COOL_MAX_S: Final = 30.0


class Pass(Enum):
    """What a call passed the breaker as; told again with the call's outcome."""

    ORDINARY = "ordinary"
    PROBE = "probe"


class Breaker:
    """Closed at first. Open, it passes nothing until it cooled down; then it passes one probe, whose
    outcome closes it or opens it again for twice as long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._cool_s = _COOL_S
        self._open_until_s: float | None = None
        self._probing = False

    @property
    def closed(self) -> bool:
        return self._open_until_s is None

    @property
    def passes(self) -> bool:
        """Whether a call may go out now."""
        until_s = self._open_until_s
        if until_s is None:
            return True
        return not self._probing and self._clock.monotonic_s() >= until_s

    @property
    def wait_s(self) -> float:
        """How long until it may pass a call; 0 when it is closed or cooled down."""
        if self._open_until_s is None:
            return 0.0
        return max(0.0, self._open_until_s - self._clock.monotonic_s())

    def enter(self) -> Pass:
        """A call goes out."""
        if self._open_until_s is None:
            return Pass.ORDINARY
        self._probing = True
        return Pass.PROBE

    def succeeded(self, passed: Pass) -> None:
        """The replica answered. A call from before it opened proves nothing about now."""
        if passed is Pass.PROBE:
            self._open_until_s = None
            self._probing = False
            self._cool_s = _COOL_S
        if self._open_until_s is None:
            self._failures = 0

    def failed(self, passed: Pass) -> None:
        """The replica failed a call. Of many that fail together, one opens it."""
        if passed is Pass.PROBE:
            self.trip()
        elif self._open_until_s is None:
            self._failures += 1
            if self._failures >= FAILURES:
                self.trip()

    def abandoned(self, passed: Pass) -> None:
        """The call was given up before the replica showed anything."""
        if passed is Pass.PROBE:
            self._probing = False

    def trip(self) -> None:
        """Open, or stay open for twice as long."""
        if self._open_until_s is not None:
            self._cool_s = min(2 * self._cool_s, _COOL_MAX_S)
        self._failures = 0
        self._probing = False
        self._open_until_s = self._clock.monotonic_s() + self._cool_s
