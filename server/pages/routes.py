"""The routes of the pages: files of this package, under a policy that lets them load nothing else."""

from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.web.methods import Endpoint

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "public, max-age=300",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_VERIFY: Final = (
    "verify.css",
    "page.js",
    "checks.js",
    "crypto.js",
    "json.js",
    "keccak.js",
    "shape.js",
    "texts.js",
)


def page_routes() -> list[Route]:
    """``/verify`` and what it loads, read once."""
    parts = [Route(f"/verify/{name}", _served("verify", name)) for name in _VERIFY]
    return [Route("/verify", _served("verify", "index.html")), *parts]


def _served(page: str, name: str) -> Endpoint:
    """An endpoint that answers with a file of a page."""
    content = files("server.pages").joinpath(page, name).read_bytes()
    headers = {**_HEADERS, "content-type": _TYPES[name[name.rindex(".") :]]}

    async def endpoint(_: Request) -> Response:
        return Response(content, headers=headers)

    return endpoint
