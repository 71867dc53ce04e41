"""The MCP door, with the official client: what it says is what the documents say."""

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from mcp import Client
from mcp_types import CallToolResult, TextResourceContents, Tool

from server.doctor.finding import Finding, found, skipped
from server.doctor.site import Site, listed, misfit
from server.mcp.client import mcp_client

_CARD: Final = "/v1/mcp/server-card"
_NEWEST: Final = "2026-07-28"
_MOST_LISTED: Final = 25
_DOCUMENTS: Final = {
    "batchin://docs/agents": "/agents.md",
    "batchin://docs/pricing": "/v1/pricing",
    "batchin://openapi": "/openapi.json",
}
_FAULTS: Final = frozenset(("internal_error", "engine_error"))
_UNAVAILABLE: Final = frozenset(("engine_not_configured", "rail_not_configured"))


async def mcp_door(site: Site) -> AsyncIterator[Finding]:
    """Both eras, every tool, every resource; and the server card against them."""
    async with mcp_client(site.http, "legacy") as client:
        version, held = client.protocol_version, bool((await client.list_tools()).tools)
    yield found("MCP serves clients of the handshake era", held, f"protocol {version}")
    async with mcp_client(site.http) as client:
        tools = (await client.list_tools()).tools
        async for finding in _identity(site, client, tools):
            yield finding
        for tool in tools:
            async for finding in _tool(site, client, tool):
                yield finding
        async for finding in _resources(site, client):
            yield finding


async def _identity(site: Site, client: Client, tools: list[Tool]) -> AsyncIterator[Finding]:
    version, server = client.protocol_version, client.server_info
    yield found("MCP discovery with the official client", version == _NEWEST, f"protocol {version}")
    names = [tool.name for tool in tools]
    held = 0 < len(names) <= _MOST_LISTED
    yield found(f"MCP lists tools, at most {_MOST_LISTED}", held, f"{len(names)}: {', '.join(names)}")
    card = await site.json(_CARD)
    card = card if isinstance(card, dict) else {}
    told = {
        "MCP": server.version if server else None,
        "the card": card.get("version"),
        "OpenAPI": site.document.get("info", {}).get("version"),
    }
    seen = ", ".join(f"{name} {version}" for name, version in told.items())
    yield found("MCP, the server card and OpenAPI name one version", len(set(told.values())) == 1, seen)
    urls = [remote.get("url") for remote in card.get("remotes", ())]
    held = urls == [f"{site.base}/v1/mcp"]
    yield found("the server card leads to the MCP door", held, f"{urls}")
    spoken = card.get("remotes", [{}])[0].get("supportedProtocolVersions", ())
    yield found("the server card names the versions spoken", version in spoken, listed(list(spoken)))
    pricing = await site.json("/v1/pricing")
    priced = {tool["name"]: tool["price"] for tool in (pricing or {}).get("tools", ())}
    wrong = [tool.name for tool in tools if (tool.meta or {}).get("price") != priced.get(tool.name)]
    wrong += [name for name in priced if name not in names]
    held = not wrong
    yield found("tools/list and /v1/pricing name the same prices", held, listed(wrong) or "the same")
    async for finding in _told(site, names):
        yield finding


async def _told(site: Site, names: list[str]) -> AsyncIterator[Finding]:
    for path in ("/llms.txt", "/llms-full.txt", "/agents.md"):
        text = await site.text(path)
        if text is not None:
            missing = [name for name in names if f"`{name}`" not in text]
            yield found(f"{path} names every tool", not missing, listed(missing) or "all")


async def _tool(site: Site, client: Client, tool: Tool) -> AsyncIterator[Finding]:
    """Its schemas, its examples, and what a call without credentials answers."""
    what = f"MCP tool {tool.name}"
    schema = dict(tool.input_schema)
    examples: list[Any] = schema.get("examples", [])
    problem = misfit(examples[0], schema) if examples else "it has no example"
    problem = problem or ("" if tool.output_schema else "it has no output schema")
    yield found(f"{what} is described, with examples that fit", not problem, problem or tool.title or "")
    if problem:
        return
    result = await client.call_tool(tool.name, dict(examples[0]))
    problem = misfit(result.structured_content, dict(tool.output_schema or {}))
    if (tool.meta or {}).get("price", {}).get("free"):
        code = _code(result)
        held = not problem and code not in _FAULTS
        yield found(f"{what} answers what it promises", held, problem or code or "answered")
        return
    yield await _challenged(site, f"{what} asks for money in a valid way", result, problem)


async def _challenged(site: Site, what: str, result: CallToolResult, problem: str) -> Finding:
    code = _code(result)
    terms = await site.json("/.well-known/x402")
    if code in _UNAVAILABLE:
        return skipped(what, code)
    if terms is None:
        return found(what, code == "unauthorized", f"x402 is off: {code}")
    if problem or code:
        return found(what, False, problem or code)
    return found(what, *offer_of(result.structured_content, terms["payment"]))


def offer_of(challenge: Any, terms: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether a challenge asks for what the terms say, and what it asks for."""
    offers = challenge.get("accepts") if isinstance(challenge, Mapping) else None
    if not offers:
        return False, "the challenge accepts nothing"
    names = (("network", "network"), ("asset", "asset"), ("payTo", "pay_to"))
    for offer in offers:
        for name, term in names:
            if offer.get(name) != terms.get(term):
                return False, f"{name} {offer.get(name)}, and /.well-known/x402 says {terms.get(term)}"
    first = offers[0]
    return True, f"{first.get('scheme')}, {first.get('amount')} atomic on {first.get('network')}"


def _code(result: CallToolResult) -> str:
    """The code of a documented error; empty for an answer and for a challenge."""
    content = result.structured_content
    error = content.get("error") if isinstance(content, dict) and result.is_error else None
    return str(error.get("code")) if isinstance(error, dict) else ""


async def _resources(site: Site, client: Client) -> AsyncIterator[Finding]:
    for resource in (await client.list_resources()).resources:
        (content, *_) = (await client.read_resource(resource.uri)).contents
        uri, kind = str(resource.uri), content.mime_type
        text = content.text if isinstance(content, TextResourceContents) else _decoded(content.blob)
        held = kind == resource.mime_type and bool(text)
        path = _DOCUMENTS.get(uri)
        if path is not None:
            held = held and text == await site.text(path)
        same = f", the same as {path}" if path and held else ""
        yield found(f"MCP resource {uri} can be read", held, f"{kind}{same}")


def _decoded(blob: str) -> str:
    return base64.b64decode(blob).decode("utf-8", "replace")
