"""Lanes: who goes first on an engine, and which engines a lane may use.

``private:<name>`` is reserved capacity of whoever the name belongs to, ``shared`` is everybody's,
``batch`` waits for them, and ``fill`` is batch work that runs on an idle engine only.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

PRIVATE: Final = "private"
SHARED: Final = "shared"
BATCH: Final = "batch"
FILL: Final = "fill"

PRIORITIES: Final[Mapping[str, int]] = {PRIVATE: 10, SHARED: 0, BATCH: -10, FILL: -20}
"""What engines that order their own queue are told; higher goes first."""

DEFAULT_LANES: Final = frozenset({SHARED, BATCH})


def kind_of(lane: str) -> str:
    """``private`` for ``private:<name>``, any other lane itself."""
    return lane.partition(":")[0]


@lru_cache(1024)
def rank_of(lane: str) -> int:
    """Place in the order of turns: 0 goes first. A lane that is not known waits like ``shared``."""
    return _RANKS.get(kind_of(lane), _RANKS[SHARED])


def needed_lane(lane: str) -> str:
    """The lane that an engine must offer: ``fill`` is work of ``batch``."""
    return BATCH if lane == FILL else lane


_RANKS: Final = {lane: rank for rank, lane in enumerate((PRIVATE, SHARED, BATCH, FILL))}
