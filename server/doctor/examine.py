"""The whole examination, in order."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import httpx2
from mcp.shared.exceptions import MCPError

from base.settings import Settings
from server.admin import AdminClient, NoServer
from server.client import http_client
from server.doctor.documents import documents
from server.doctor.finding import Finding, found, skipped
from server.doctor.machine import machine
from server.doctor.mcp_door import mcp_door
from server.doctor.outside import address, health, openapi, public_reads
from server.doctor.paid import paid_operations
from server.doctor.site import Site
from server.operations import OperationFailed


async def examine(settings: Settings, url: str | None) -> list[Finding]:
    """This machine, and the server at ``url`` or, without one, the one that runs on the data dir."""
    if url is not None:
        return await server_at(url.rstrip("/"))
    running = await _running(settings.data_dir)
    findings = await anyio.to_thread.run_sync(lambda: list(machine(settings, running is not None)))
    if running is None:
        return [*findings, skipped("a server runs on the data dir", "none; start one: batchin serve")]
    return [*findings, *await server_at(running)]


async def server_at(url: str) -> list[Finding]:
    """Everything that can be seen from outside."""
    async with http_client(url) as http:
        try:
            return await _outside(http)
        except httpx2.HTTPError as error:
            seen = f"{url}: {str(error) or type(error).__name__}"
            return [found("the server can be reached", False, seen)]


async def _outside(http: httpx2.AsyncClient) -> list[Finding]:
    findings = [finding async for finding in health(http)]
    described, document = await openapi(http)
    findings.append(described)
    if described.is_trouble:
        return findings
    site = Site(http, document)
    for look in (address, public_reads, documents, mcp_door, paid_operations):
        findings += await _looked(look, site)
    return findings


async def _looked(look: Callable[[Site], AsyncIterator[Finding]], site: Site) -> list[Finding]:
    """What one part of the examination found; a server that answers nonsense ends that part alone."""
    findings: list[Finding] = []
    try:
        async for finding in look(site):
            findings.append(finding)  # noqa: PERF401 - what was found before a fault counts
    except (httpx2.HTTPError, MCPError, LookupError, AttributeError, TypeError, ValueError) as error:
        seen = f"{type(error).__name__}: {error}"[:200]
        findings.append(found(f"{look.__name__} can be examined", False, seen))
    return findings


async def _running(data_dir: Path) -> str | None:
    try:
        info = await AdminClient(data_dir).info()
    except (NoServer, OperationFailed):
        return None
    return str(info["url"])
