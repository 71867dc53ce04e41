"""What became of the one task of a job, as its owner is told."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from base.sealing import Sealed, Sealer, Unsealable
from storage.op import Row
from tools.jobs.batch import Batch

EXPIRED: Final = {
    "code": "expired",
    "message": "No engine had made it in time; nothing was charged. Ask again later.",
}
_UNREADABLE: Final = {"code": "internal_error", "message": "What became of it can't be read."}


def line_of(task: Row, sealer: Sealer) -> Mapping[str, Any]:
    """Its line of the output, as tools.jobs.outcome writes it."""
    try:
        opened = sealer.open(Sealed(task["salt"], task["box"]))
    except Unsealable:  # the server's secret changed meanwhile
        return {"response": None, "error": _UNREADABLE}
    line: Mapping[str, Any] = orjson.loads(opened)
    return line


def first_error(job: Batch) -> Mapping[str, Any]:
    """Why a job without a result failed."""
    found: Mapping[str, Any] = next(iter(orjson.loads(job.errors)), _UNREADABLE)
    return found
