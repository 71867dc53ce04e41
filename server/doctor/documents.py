"""The discovery documents against each other: addresses, prices, keys, names, digests."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx2

from server.doctor.finding import Finding, found
from server.doctor.site import Site, listed

_TEXTS: Final = ("/llms.txt", "/llms-full.txt", "/agents.md")
_REGISTRATION: Final = "https://eips.ethereum.org/EIPS/eip-8004#registration-v1"
_END: Final = r"[^\s\"'`<>()\[\],\\]*"
_LINKED: Final = re.compile(rf"https?://{_END}")
_SKIPPED: Final = "{*$…"
"""Marks of addresses that are patterns or are made up by a program."""


async def documents(site: Site) -> AsyncIterator[Finding]:
    """Every claim that two documents make, or that a document makes about the server."""
    async for finding in links(site):
        yield finding
    for check in (_prices, _paid, _keys, _registrations, _skills, _models_told, _security):
        async for finding in check(site):
            yield finding


async def links(site: Site) -> AsyncIterator[Finding]:
    """Each address of this server that a document names exists."""
    for path, operation in site.operations("get"):
        if operation.get("tags") != ["discovery"] or path == "/openapi.json":
            continue
        text = await site.text(path)
        if text is None:
            continue  # said already
        wrong = [url for url in _addresses(text, site.base) if not await _exists(site, url)]
        yield found(f"{path} leads nowhere wrong", not wrong, listed(wrong) or "every address answers")


def _addresses(text: str, base: str) -> set[str]:
    """The whole addresses of one server in a text, and those that look like it at another host."""
    urls = {url.rstrip(".:;") for url in _LINKED.findall(text)}
    return {
        url
        for url in urls
        if not any(mark in url for mark in _SKIPPED)
        and (url == base or url.startswith(f"{base}/") or _is_ours(url))
    }


def _is_ours(url: str) -> bool:
    """Whether an address at another host has one of our paths: it was meant to be here."""
    path = "/" + url.partition("://")[2].partition("/")[2]
    return path.startswith(("/v1/", "/.well-known/")) or path == "/openapi.json"


async def _exists(site: Site, url: str) -> bool:
    if url != site.base and not url.startswith(f"{site.base}/"):
        return False
    path = url.removeprefix(site.base).partition("#")[0] or "/"
    if path == "/v1":
        return True  # the base of OpenAI clients, no route
    try:
        return (await site.get(path)).status_code not in (404, 410)
    except httpx2.InvalidURL:
        return False


async def _prices(site: Site) -> AsyncIterator[Finding]:
    pricing, catalog = await site.json("/v1/pricing"), await site.json("/v1/models")
    told = {model["id"]: _pair(model, "input", "output") for model in _items(pricing, "models")}
    charged = {
        model["id"]: _pair(model.get("pricing", {}), "std_input_usd", "std_output_usd")
        for model in _items(catalog, "data")
    }
    wrong = [name for name in told.keys() | charged.keys() if told.get(name) != charged.get(name)]
    seen = listed(wrong) or f"{len(told)} models"
    yield found("/v1/pricing and /v1/models name the same prices", bool(told) and not wrong, seen)


def _pair(prices: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(prices.get(name) for name in names)


async def _paid(site: Site) -> AsyncIterator[Finding]:
    terms = await site.json("/.well-known/x402")
    if terms is None:
        return
    sold = {site.base + path for path, item in site.operations("post") if "x-payment-info" in item}
    told = set(terms.get("resources", ()))
    wrong = told - sold  # what it leaves out is called, and has to be unavailable
    what = "/.well-known/x402 names paid operations alone"
    yield found(what, not wrong, listed(list(wrong)) or f"{len(told)} resources")
    rails = [
        rail for rail in _items(await site.json("/v1/pricing"), "rails") if rail == terms["payment"]
    ]
    seen = str(terms["payment"].get("network"))
    yield found("/v1/pricing and /.well-known/x402 name the same terms", terms["payment"] in rails, seen)


async def _keys(site: Site) -> AsyncIterator[Finding]:
    current, document = (
        await site.json("/v1/vaas/pubkey/current"),
        await site.json("/.well-known/did.json"),
    )
    if not isinstance(document, dict):
        return
    methods = {method["id"]: method for method in document.get("verificationMethod", ())}
    asserting = [methods.get(name) for name in document.get("assertionMethod", ())]
    keys = [_hex_of(method["publicKeyJwk"]["x"]) for method in asserting if method]
    wanted = current.get("verify_key_hex") if isinstance(current, dict) else None
    seen = ", ".join(keys) or "no key"
    yield found("did.json asserts with the key that signs now", keys == [wanted], seen)


def _hex_of(encoded: str) -> str:
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex()
    except ValueError:
        return f"unreadable: {encoded}"


async def _registrations(site: Site) -> AsyncIterator[Finding]:
    mcp_url = f"{site.base}/v1/mcp"
    entry = await site.json("/server.json")
    if isinstance(entry, dict):
        urls = [remote.get("url") for remote in entry.get("remotes", ())]
        told = str(entry.get("description", ""))
        held = urls == [mcp_url] and 1 <= len(told) <= 100
        yield found("/server.json is an entry for the MCP registry", held, f"{urls}")
    registration = await site.json("/.well-known/agent-registration.json")
    if isinstance(registration, dict):
        services = {item.get("name"): item.get("endpoint") for item in registration.get("services", ())}
        takes = await site.json("/.well-known/x402") is not None
        held = registration.get("type") == _REGISTRATION and services.get("MCP") == mcp_url
        held = held and registration.get("x402Support") is takes
        seen = f"MCP at {services.get('MCP')}, x402 {registration.get('x402Support')}"
        yield found("agent-registration.json is true", held, seen)


async def _skills(site: Site) -> AsyncIterator[Finding]:
    for entry in _items(await site.json("/.well-known/agent-skills/index.json"), "skills"):
        path = str(entry.get("url", "")).removeprefix(site.base)
        response = await site.get(path)
        digest = "sha256:" + hashlib.sha256(response.content).hexdigest()
        yield found(
            f"the skill {entry.get('name')} has its digest", digest == entry.get("digest"), digest
        )


async def _models_told(site: Site) -> AsyncIterator[Finding]:
    names = [model["id"] for model in _items(await site.json("/v1/models"), "data")]
    for path in _TEXTS:
        text = await site.text(path)
        if text is None:
            continue
        missing = [name for name in names if f"`{name}`" not in text]
        missing += [] if f"{site.base}/v1/mcp" in text else ["the MCP address"]
        yield found(
            f"{path} names every model and the MCP address", not missing, listed(missing) or "all"
        )


async def _security(site: Site) -> AsyncIterator[Finding]:
    text = await site.text("/.well-known/security.txt")
    if text is None:
        return
    for line in _expiries(text):
        held = datetime.fromisoformat(line) > datetime.now(UTC)
        yield found("security.txt has not expired", held, line)


def _expiries(text: str) -> Iterator[str]:
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        if name == "Expires":
            yield value.strip()


def _items(document: Any, member: str) -> list[dict[str, Any]]:
    items = document.get(member) if isinstance(document, dict) else None
    return [item for item in items or () if isinstance(item, dict)]
