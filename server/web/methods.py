"""One route for all methods of a path, so that a refused method is told exactly which are allowed."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


class ByMethod:
    """An ASGI app that hands each method of its path to another one."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._apps.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if app is None:
            allowed = ", ".join([*self._apps, *(["HEAD"] if "GET" in self._apps else [])])
            raise HTTPException(405, headers={"Allow": allowed})
        await app(scope, receive, send)


def route(path: str, **endpoints: Endpoint) -> Route:
    """``route("/v1/files", GET=..., POST=...)``; HEAD is answered as GET."""

    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await endpoints[method](request)

    return Route(path, endpoint, methods=list(endpoints))
