"""The whole examination, in order."""

from pathlib import Path

import anyio
import httpx2

from base.settings import Settings
from server.admin import AdminClient, NoServer
from server.client import http_client
from server.doctor.finding import Finding, found, skipped
from server.doctor.machine import machine
from server.doctor.mcp_door import mcp_door
from server.doctor.outside import health, openapi, public_reads
from server.doctor.paid import paid_operations
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
    for look in (public_reads, mcp_door, paid_operations):
        findings += [finding async for finding in look(http, document)]
    return findings


async def _running(data_dir: Path) -> str | None:
    try:
        info = await AdminClient(data_dir).info()
    except (NoServer, OperationFailed):
        return None
    return str(info["url"])
