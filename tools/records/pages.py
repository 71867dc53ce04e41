"""How much of the spans one answer holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import Select, func, select

from storage.op import Row
from tools.records.span import Span
from tools.records.tables import SPAN

MOST_READ: Final = 1000
MOST_READ_BYTES: Final = 4_194_304
MOST_READ_PARTS: Final = 50_000
"""Of the spans that one answer shows: attributes, events and links."""


@dataclass(frozen=True, slots=True)
class Traced:
    """Spans of a trace; ``left_out`` counts the rows that were too much for one answer."""

    spans: Sequence[Span]
    left_out: int


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order; ``next_after`` is where the next page begins, None on the last."""

    rows: Sequence[Row]
    next_after: int | None


def measured(asked: tuple[Any, ...], limit: int) -> Select[Any]:
    """Where the rows are that are asked for, and how large."""
    size = func.length(SPAN.c.box).label("size")
    return select(SPAN.c.place, size).where(*asked).order_by(SPAN.c.place).limit(limit)


def fitting_of(found: Sequence[Row]) -> Sequence[Row]:
    """The first of them that have ``MOST_READ_BYTES`` in all, and one at least."""
    sizes = accumulate(row["size"] for row in found)
    return found[: max(1, sum(size <= MOST_READ_BYTES for size in sizes))]
