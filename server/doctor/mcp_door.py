"""The MCP door, with the official client: what it says is what the documents say."""

from collections.abc import AsyncIterator

import httpx2

from server.doctor.finding import Finding, found
from server.doctor.outside import Json, json_of
from server.mcp.client import mcp_client

_CARD = "/v1/mcp/server-card"
_NEWEST = "2026-07-28"


async def mcp_door(http: httpx2.AsyncClient, document: Json) -> AsyncIterator[Finding]:
    """Discover, list the tools, compare with the server card and with OpenAPI."""
    card = json_of(await http.get(_CARD))
    card = card if isinstance(card, dict) else {}
    async with mcp_client(http) as client:
        version, server = client.protocol_version, client.server_info
        tools = (await client.list_tools()).tools
    yield found("MCP discovery with the official client", version == _NEWEST, f"protocol {version}")
    names = ", ".join(tool.name for tool in tools)
    described = bool(tools) and all(tool.output_schema for tool in tools)
    yield found("MCP lists tools, each with a schema of its output", described, names)
    told = {server.version if server else None, card.get("version"), _version(document)}
    held = len(told) == 1 and None not in told
    yield found("MCP, the server card and OpenAPI name one version", held, _words(told))
    urls = [remote.get("url") for remote in card.get("remotes", [])]
    yield found("the server card leads to an MCP address", bool(urls) and all(urls), _words(set(urls)))


def _version(document: Json) -> str | None:
    version = document.get("info", {}).get("version")
    return None if version is None else str(version)


def _words(values: set[str | None]) -> str:
    return ", ".join(sorted(str(value) for value in values))
