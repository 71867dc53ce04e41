"""A server from outside: health, and every public document that its own OpenAPI names."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx2

from server.doctor.finding import Finding, found

Json = Mapping[str, Any]
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


async def public_reads(http: httpx2.AsyncClient, document: Json) -> AsyncIterator[Finding]:
    """Every public GET without parameters in its path answers 200 with a media type that it declares."""
    for path, operation in operations(document, "get"):
        if "{" in path or {} not in operation.get("security", [{}]):
            continue
        response = await http.get(path)
        declared = operation.get("responses", {}).get("200", {}).get("content", {})
        kind = response.headers.get("content-type", "").split(";")[0]
        held = response.status_code == 200 and (not declared or kind in _kinds(declared))
        yield found(f"GET {path} answers as declared", held, f"{response.status_code} {kind}")


def operations(document: Json, method: str) -> list[tuple[str, Json]]:
    """The operations of one method, by path."""
    paths: Mapping[str, Json] = document.get("paths", {})
    return [(path, item[method]) for path, item in paths.items() if method in item]


def json_of(response: httpx2.Response) -> Any:
    """The body as JSON data; None when it is none."""
    try:
        return response.json()
    except ValueError:
        return None


def _kinds(declared: Mapping[str, Any]) -> set[str]:
    return {kind.split(";")[0] for kind in declared}
