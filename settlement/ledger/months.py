"""The months in which budgets of keys are counted."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_DAY_MS: Final = 86_400_000


def month_of(at_ms: int) -> int:
    """The UTC month as YYYYMM: when a key's budget starts anew."""
    return _month_of_day(at_ms // _DAY_MS)


@lru_cache(2)
def _month_of_day(day: int) -> int:
    at = datetime.fromtimestamp(day * (_DAY_MS // 1000), UTC)
    return at.year * 100 + at.month
