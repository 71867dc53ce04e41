"""Puts the status together and keeps its incidents beside the server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from base.clock import Clock
from runtime.pool import Engines
from server.beside import beside
from server.gauges import Gauges
from server.health import Readiness
from server.status.conditions import Conditions, watching
from server.status.routes import StatusParts, StatusRoutes
from server.sweeping import sweeping
from server.version import version
from settlement.agent.seat import AgentSeat
from settlement.evidence.log import Log
from storage.sqlite import SqliteStore
from tools.incidents.book import IncidentBook


@asynccontextmanager
async def status_of(
    engines: Engines,
    store: SqliteStore,
    gauges: Gauges,
    log: Log,
    seat: AgentSeat,
    networks: Sequence[str],
    readiness: Readiness,
    clock: Clock,
) -> AsyncIterator[StatusRoutes]:
    """The routes; incidents are written for as long as the block runs."""
    conditions = Conditions(engines.health, store.works, gauges.sample)
    book = IncidentBook(store, clock)
    parts = StatusParts(
        conditions=conditions,
        incidents=book,
        head=log.head,
        seat=seat,
        networks=networks,
        inventory=engines.inventory,
        admits=lambda: readiness.is_open,
        clock=clock,
        version=version(),
    )
    async with beside(watching(conditions, book)), beside(sweeping(book.sweep)):
        yield StatusRoutes(parts)
