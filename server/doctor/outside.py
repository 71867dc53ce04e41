"""A server from outside: health, and every public document that its own OpenAPI names."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx2

from server.doctor.finding import Finding, found, skipped
from server.doctor.site import Json, Site, json_of

_HEALTH: Final = ("/livez", "/readyz", "/health")


async def health(http: httpx2.AsyncClient) -> AsyncIterator[Finding]:
    """Each route answers 200 with ``{"status": "ok"}``."""
    for path in _HEALTH:
        response = await http.get(path)
        body = json_of(response)
        status = body.get("status") if isinstance(body, dict) else None
        held = response.status_code == 200 and status == "ok"
        yield found(f"{path} says ok", held, f"{response.status_code} {status}")


async def openapi(http: httpx2.AsyncClient) -> tuple[Finding, Json]:
    """The document that the rest is read from; empty when there is none."""
    response = await http.get("/openapi.json")
    document = json_of(response)
    if response.status_code != 200 or not isinstance(document, dict):
        return found("/openapi.json is an OpenAPI document", False, str(response.status_code)), {}
    version, paths = str(document.get("openapi")), document.get("paths") or {}
    held = version.startswith("3.1") and bool(paths)
    return found(
        "/openapi.json is an OpenAPI document", held, f"{version}, {len(paths)} paths"
    ), document


async def address(site: Site) -> AsyncIterator[Finding]:
    """The server says where it is; asked somewhere else, that place has to answer too."""
    what = "OpenAPI names the address of this server"
    asked = str(site.http.base_url).rstrip("/")
    if site.base == asked:
        yield found(what, True, site.base)
        return
    try:
        response = await site.http.get(f"{site.base}/livez")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        yield found(what, False, f"{site.base}: {type(error).__name__}")
        return
    held = response.status_code == 200
    seen = f"{site.base}, which answers too; examine it by that URL"
    yield skipped(what, seen) if held else found(what, False, f"{site.base}: {response.status_code}")


async def public_reads(site: Site) -> AsyncIterator[Finding]:
    """Every public GET without parameters in its path answers 200, with a media type that it declares
    and, where that is JSON, with what its schema allows."""
    for path, operation in site.operations("get"):
        if "{" in path or {} not in operation.get("security", [{}]):
            continue
        response = await site.get(path)
        declared = operation.get("responses", {}).get("200", {}).get("content", {})
        kind = response.headers.get("content-type", "").split(";")[0]
        held = response.status_code == 200 and (not declared or kind in _kinds(declared))
        problem = _misfit(site, response, declared.get(kind, {})) if held else ""
        seen = f"{response.status_code} {kind} {problem}".rstrip()
        yield found(f"GET {path} answers as declared", held and not problem, seen)


def _misfit(site: Site, response: httpx2.Response, declared: Json) -> str:
    schema = declared.get("schema")
    if schema is None or not response.headers["content-type"].split(";")[0].endswith("json"):
        return ""
    return site.misfit(json_of(response), schema)


def _kinds(declared: Mapping[str, Any]) -> set[str]:
    return {kind.split(";")[0] for kind in declared}
