"""When a first token is so late that a second replica should be asked too."""

from dataclasses import dataclass
from typing import Final

_WEIGHT: Final = 0.05
_ENOUGH: Final = 20  # answers of a model before anything counts as late
_SIGMAS: Final = 1.645  # one answer in twenty, were they spread normally


@dataclass(slots=True)
class _Moving:
    """Mean and variance of the newest answers, exponentially weighted (West, 1979)."""

    seen: int = 0
    mean_s: float = 0.0
    variance: float = 0.0

    def add(self, value_s: float) -> None:
        self.seen += 1
        weight = max(_WEIGHT, 1 / self.seen)
        off = value_s - self.mean_s
        self.mean_s += weight * off
        self.variance = (1 - weight) * (self.variance + weight * off * off)


class Hedge:
    """Remembers how long each model takes to its first event."""

    def __init__(self) -> None:
        self._models: dict[str, _Moving] = {}

    def seen(self, model: str, seconds: float) -> None:
        """A first event came after so long."""
        self._models.setdefault(model, _Moving()).add(seconds)

    def late_s(self, model: str) -> float | None:
        """Mean and 1.645 sigma of the model's first events; None while too few were seen."""
        moving = self._models.get(model)
        if moving is None or moving.seen < _ENOUGH:
            return None
        return moving.mean_s + _SIGMAS * float(moving.variance**0.5)
