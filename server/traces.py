"""The routes of traces: the calls of an account by trace, joined with their records."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from server.free import FreeDoor
from server.web.query import numbers_read
from tools.trace import TraceItem

_NO_RUN: Final = dict.fromkeys(TraceItem.model_fields)
_MOST: Final = 100
_TRACE: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class TraceRoutes:
    """What the tool ``trace`` tells, for the holder of a key or a wallet's token."""

    door: FreeDoor

    def routes(self) -> list[Route]:
        return [
            Route("/v1/traces", self.door.get("trace", _newest, lambda output: output)),
            Route("/v1/traces/{trace_id}", self.door.get("trace", _named, _first)),
        ]


def _newest(request: Request) -> Mapping[str, Any]:
    return numbers_read(request, ("limit",))


def _named(request: Request) -> Mapping[str, Any]:
    """A trace by its id, or by that of one of its runs or records."""
    name = request.path_params["trace_id"].lower()
    return {"trace_id": name, "limit": _MOST} if _TRACE.fullmatch(name) else {"run_id": name}


def _first(output: Mapping[str, Any]) -> Mapping[str, Any]:
    """The run that the trace began with, all of its runs, and all of its spans."""
    items, spans = output["items"], output["spans"]
    first = items[0] if items else {**_NO_RUN, "customer_trace_id": output["trace_id"]}
    left_out = {name: output[name] for name in ("runs_left_out", "spans_left_out")}
    return {**first, "runs": items, "spans": spans, **left_out}
