"""What SGLang says of its load: ``GET /v1/loads``, one row for each data-parallel rank."""

from typing import Final

import orjson

from runtime.engine import Load

LOADS_PATH: Final = "/v1/loads?include=core"


def load_of(body: bytes) -> Load | None:
    """The sum of all ranks; None for what can't be understood."""
    try:
        rows = orjson.loads(body)["loads"]
        return Load(
            running=sum(int(row["num_running_reqs"]) for row in rows),
            queued=sum(int(row["num_waiting_reqs"]) for row in rows),
            limit=sum(int(row["max_running_requests"]) for row in rows),
        )
    except (KeyError, TypeError, ValueError):
        return None
