"""The routes of the pages: files of this package, under a policy that lets them load nothing else."""

from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
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
    "shape.js",
    "texts.js",
)


def page_routes() -> list[Route]:
    """``/verify`` and what it loads, read once."""
    parts = [Route(f"/verify/{name}", _served("verify", name)) for name in _VERIFY]
    return [Route("/verify", _served("verify", "index.html")), *parts]


def _served(page: str, name: str) -> "_File":
    content = files("server.pages").joinpath(page, name).read_bytes()
    return _File(content, _TYPES[name[name.rindex(".") :]])


class _File:
    """An endpoint that answers with a file."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self._content = content
        self._headers = {**_HEADERS, "content-type": media_type}

    async def __call__(self, _: Request) -> Response:
        return Response(self._content, headers=self._headers)
