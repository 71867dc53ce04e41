"""What SGLang says of its load: ``GET /v1/loads``, one row for each data-parallel rank."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from runtime.engine import Load
from runtime.hardware import Hardware

LOADS_PATH: Final = "/v1/loads?include=core,memory"
_HELD: Final = ("weight_gb", "kv_cache_gb", "graph_gb")  # in units of 2**30 bytes, of one accelerator


def load_of(body: bytes) -> Load | None:
    """The sum of all ranks; None for what can't be understood."""
    try:
        told = orjson.loads(body)
        rows = told["loads"]
        return Load(
            running=sum(int(row["num_running_reqs"]) for row in rows),
            queued=sum(int(row["num_waiting_reqs"]) for row in rows),
            limit=sum(int(row["max_running_requests"]) for row in rows),
            hardware=_hardware(told, rows),
        )
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError):
        return None


def _hardware(told: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Hardware | None:
    """``num_accelerators`` is that of one rank; a server without an accelerator names none."""
    name, a_rank = told.get("accelerator"), told.get("num_accelerators")
    if not isinstance(name, str) or not isinstance(a_rank, int) or a_rank < 1:
        return None
    return Hardware(name, a_rank * len(rows), _held_gib(rows, a_rank))


def _held_gib(rows: Sequence[Mapping[str, Any]], a_rank: int) -> float | None:
    """A rank tells of one of its accelerators; all of them hold as much."""
    memories = [row.get("memory") or {} for row in rows]
    if not memories or not all(_HELD[0] in memory for memory in memories):
        return None
    each = [sum(float(memory.get(part) or 0) for part in _HELD) for memory in memories]
    return round(sum(each) * a_rank, 1)
