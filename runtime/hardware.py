"""What engines run on, as far as they tell: nothing here is configured or guessed."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from runtime.local.cores import usable_cores


@dataclass(frozen=True, slots=True)
class Hardware:
    """Accelerators of one kind. ``kind`` is the name that the engine tells, None where it tells none;
    ``memory_gib`` is the memory of all of them that the engine holds, of the machine's own processors
    all the memory there is."""

    kind: str | None
    count: int | None
    memory_gib: float | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """Hardware in one region that takes calls of the same kinds of lane."""

    hardware: Hardware
    lanes: tuple[str, ...]
    region: str


def machine() -> Hardware:
    """The processors that this process may use, and the memory beside them."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return Hardware("CPU", usable_cores(), None)
    return Hardware("CPU", usable_cores(), round(memory / 2**30, 1))


def totals(rows: Iterable[Inventory]) -> list[Inventory]:
    """Equal kinds in the same lanes and region are one row; what one of them does not tell, the row does
    not tell either."""
    sums: dict[tuple[str | None, tuple[str, ...], str], Hardware] = {}
    for row in rows:
        key = (row.hardware.kind, row.lanes, row.region)
        before = sums.get(key)
        sums[key] = row.hardware if before is None else _both(before, row.hardware)
    return [Inventory(hardware, lanes, region) for (_, lanes, region), hardware in sums.items()]


def _both(one: Hardware, other: Hardware) -> Hardware:
    count = None if one.count is None or other.count is None else one.count + other.count
    known = one.memory_gib is not None and other.memory_gib is not None
    memory = round((one.memory_gib or 0) + (other.memory_gib or 0), 1) if known else None
    return Hardware(one.kind, count, memory)
