"""The doors of a server: the hot paths, MCP, and the control plane."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.types import ASGIApp

from server.control import control_plane
from server.dispatch import Dispatch
from server.mcp.door import McpDoor, McpParts
from server.mcp.own_files import OwnFiles
from server.mcp.task_times import TaskTimes
from server.once import FREE, once_of
from server.parts.control import Control, gauges_of
from server.parts.core import Beneath, Core
from server.parts.hot import HotPaths
from server.status.build import status_of
from server.status.routes import StatusRoutes
from server.web.caller import Callers
from server.web.payment import no_payment, payment_of
from server.web.pieces import Patient
from settlement.limits.addresses import AddressLimits
from settlement.limits.limits import Limits
from tools.tasks.book import TaskBook


@asynccontextmanager
async def doors_of(beneath: Beneath, core: Core) -> AsyncIterator[ASGIApp]:
    """The app that serves them all; incidents are noted and MCP is spoken while the block lasts."""
    ground = beneath.ground
    settings, clock = ground.settings, ground.clock
    addresses = AddressLimits(settings.proof_rpm, clock)
    callers = _callers(beneath, core)
    mcp = McpDoor(_mcp_parts(beneath, core, callers))
    async with _status(beneath, core) as status, mcp.running():
        free = once_of(settings, ground.once, callers, core.invoker.observer, clock)
        later = beneath.work.background.book
        hot = HotPaths(ground, core.invoker, callers, later, addresses).apps()
        hot |= {path: free(hot[path]) for path in FREE}
        rest = control_plane(Control(beneath, core, callers, addresses, status).routes())
        yield Dispatch({**hot, "/v1/mcp": mcp}, Patient(free(rest), settings.send_timeout_s))


def _callers(beneath: Beneath, core: Core) -> Callers:
    ground, settings = beneath.ground, beneath.ground.settings
    return Callers(
        ground.keys.authenticate,
        payment_of if core.facts.payment else no_payment,
        ground.clock,
        settings.timeout_s,
        settings.timeouts,
        Limits({rule.scope: rule.allowance for rule in settings.limits}, ground.clock).quota,
        keyless=core.facts.payment is not None,
    )


def _mcp_parts(beneath: Beneath, core: Core, callers: Callers) -> McpParts:
    ground, settings = beneath.ground, beneath.ground.settings
    return McpParts(
        invoker=core.invoker,
        callers=callers,
        settings=settings,
        facts=core.facts,
        documents=core.documents.shown,
        bundles=ground.proofs().bundle,
        files=OwnFiles(beneath.work.files),
        tasks=TaskBook(ground.store, ground.sealer, ground.clock, settings.task_ttl_s),
        task_times=TaskTimes(settings.task_after_s),
        prompts=ground.prompts.book,
    )


def _status(beneath: Beneath, core: Core) -> AbstractAsyncContextManager[StatusRoutes]:
    ground, payment = beneath.ground, core.facts.payment
    networks = payment.networks if payment else ()
    return status_of(
        beneath.machinery.runtime.engines,
        ground.store,
        gauges_of(beneath, core),
        ground.log,
        beneath.seat,
        networks,
        beneath.sight.readiness,
        ground.clock,
    )
