"""GET /v1/status and /v1/compute: how the server is and what it runs on, for everybody."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from base.clock import Clock, iso_utc
from runtime.engine import EngineHealth
from runtime.hardware import Inventory
from server.gauges import BooksSeen
from server.proof_log import OPEN
from server.status.conditions import SETTLEMENT, STORE, Conditions
from settlement.agent.seat import AgentSeat
from settlement.evidence.log import Head
from tools.incidents.book import Incident, IncidentBook


@dataclass(frozen=True, slots=True)
class StatusParts:
    """What the status is told from. ``networks`` are the chains (CAIP-2) that payments settle on."""

    conditions: Conditions
    incidents: IncidentBook
    head: Callable[[], Awaitable[Head]]
    seat: AgentSeat
    networks: Sequence[str]
    inventory: Callable[[], Sequence[Inventory]]
    admits: Callable[[], bool]
    clock: Clock
    version: str


class StatusRoutes:
    """Names, states and counts: nothing of a caller, no address, no word of an engine's own."""

    def __init__(self, parts: StatusParts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        return [Route("/v1/status", self._status), Route("/v1/compute", self._compute)]

    async def report(self) -> tuple[dict[str, Any], int]:
        """The body of GET /v1/status, and its HTTP status."""
        parts = self._parts
        ill, books = await parts.conditions.seen()
        if STORE in ill:
            return self._report("unavailable", ill, books, None, ()), 503
        head, incidents = await parts.head(), await parts.incidents.recent()
        return self._report(self._word(ill), ill, books, head, incidents), 200

    def inventory(self) -> dict[str, Any]:
        """The body of GET /v1/compute."""
        rows = [
            {
                "kind": row.hardware.kind,
                "count": row.hardware.count,
                "memory_gib": row.hardware.memory_gib,
                "lanes": list(row.lanes),
                "region": row.region,
            }
            for row in self._parts.inventory()
        ]
        return {"object": "list", "as_of": self._now(), "data": rows}

    async def _status(self, _: Request) -> Response:
        return _answer(*await self.report())

    async def _compute(self, _: Request) -> Response:
        return _answer(self.inventory())

    def _word(self, ill: Any) -> str:
        engines = self._parts.conditions.engines()
        down = [engine for engine in engines if f"engine:{engine.id}" in ill]
        if not self._parts.admits() or (engines and len(down) == len(engines)):
            return "unavailable"
        return "degraded" if ill else "ok"

    def _report(
        self, word: str, ill: Any, books: BooksSeen, head: Head | None, incidents: Sequence[Incident]
    ) -> dict[str, Any]:
        parts = self._parts
        anchored = parts.seat.network
        return {
            "object": "status",
            "status": word,
            "as_of": self._now(),
            "version": parts.version,
            "admits_calls": parts.admits(),
            "store": ill.get(STORE, "ok"),
            "engines": [_engine(engine) for engine in parts.conditions.engines()],
            "settlement": {
                "state": ill.get(SETTLEMENT, "ok") if parts.networks else "off",
                "networks": list(parts.networks),
                "unsettled": books.unsettled,
                "oldest_unsettled_s": round(books.unsettled_age_s),
            },
            "log": {
                "state": ill.get("log", "ok"),
                "size": head.size if head else None,
                "checkpoint_at": iso_utc(head.at_ms) if head and head.note else None,
                "waiting": books.log_waiting,
                "anchors_on": anchored,
                "anchors": anchored is not None and not parts.seat.trouble,
            },
            "incidents": [_incident(one) for one in incidents],
        }

    def _now(self) -> str:
        return iso_utc(self._parts.clock.now_ms())


def _engine(health: EngineHealth) -> dict[str, Any]:
    return {
        "id": health.id,
        "state": str(health.state),
        "models": list(health.models),
        "running": health.detail["running"],
        "queued": health.detail["queued"],
        "restarts": health.restarts,
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "component": incident.component,
        "state": incident.state,
        "began_at": iso_utc(incident.began_at_ms),
        "ended_at": None if incident.ended_at_ms is None else iso_utc(incident.ended_at_ms),
    }


def _answer(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status, headers=OPEN)
