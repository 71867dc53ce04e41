"""The routes of the rendered documents: public, cacheable, readable from any origin."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from manifests.document import Document
from server.web.conditional import matches

MAX_AGE_S = 300
_SHARED = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "ETag",
    "cache-control": f"public, max-age={MAX_AGE_S}",
    "x-content-type-options": "nosniff",
}
_LINKS = (
    '</openapi.json>; rel="service-desc"; type="application/json", '
    '</agents.md>; rel="service-doc"; type="text/markdown", '
    '</.well-known/api-catalog>; rel="api-catalog"; type="application/linkset+json", '
    '</health>; rel="status"; type="application/json"'
)
_PREFLIGHT = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD",
    "access-control-allow-headers": "Content-Type, If-None-Match",
    "access-control-max-age": "86400",
    "allow": "GET, HEAD, OPTIONS",
}


def document_routes(documents: Mapping[str, Document]) -> list[Route]:
    """GET, HEAD and the preflight of each path; what is put in the place of a document is served. A
    request whose If-None-Match names the current document is answered 304 (RFC 9110 sections 13.1.2
    and 15.4.5)."""
    return [Route(path, _endpoint(documents, path), methods=["GET", "OPTIONS"]) for path in documents]


def _extra(path: str) -> Mapping[str, str]:
    """The home page leads to the documents (RFC 8288, RFC 8631, RFC 9727)."""
    return {"link": _LINKS} if path == "/" else {}


def _endpoint(documents: Mapping[str, Document], path: str) -> Callable[[Request], Awaitable[Response]]:
    shared = {**_SHARED, **_extra(path)}

    async def endpoint(request: Request) -> Response:
        document = documents[path]
        headers = {**shared, "etag": document.etag}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        if matches(request.headers.get("if-none-match"), document.etag):
            return Response(status_code=304, headers=headers)
        return Response(document.body, headers={**headers, "content-type": document.content_type})

    return endpoint
