"""What is free is rationed by the address that asks."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from base.errors import RateLimited
from server.web.error_answer import error_answer
from server.web.methods import Endpoint
from server.web.respond import note_refusal
from settlement.limits.addresses import AddressLimits


def limited(route: Route, limits: AddressLimits) -> Route:
    """The same route, within the limits of who asks."""
    inner: Endpoint = route.endpoint

    async def endpoint(request: Request) -> Response:
        try:
            limits.take(_address(request.scope))
        except RateLimited as error:
            note_refusal(error)
            raise
        return await inner(request)

    return Route(route.path, endpoint, methods=sorted(route.methods or ("GET",)))


@dataclass(frozen=True, slots=True)
class Limited:
    """An ASGI app within the limits of who asks."""

    app: ASGIApp
    limits: AddressLimits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self.limits.take(_address(scope))
        except RateLimited as error:
            note_refusal(error)
            await error_answer(error)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _address(scope: Scope) -> str:
    """Who asks: a trusted proxy's word where the server has one, "" over a socket without addresses."""
    client = scope.get("client")
    return str(client[0]) if client else ""
