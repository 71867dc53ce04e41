"""A clock that the test moves."""

from dataclasses import dataclass


@dataclass(slots=True)
class HandClock:
    """Starts on 2026-01-31 at 23:00 UTC, an hour before a month ends."""

    at_ms: int = 1_769_900_400_000

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_ms / 1000

    def advance_s(self, seconds: int) -> None:
        self.at_ms += seconds * 1000
