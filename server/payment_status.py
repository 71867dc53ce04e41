"""GET /v1/payments/{id}: where an x402 payment stands, for payers whose answer did not come."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from base.errors import NotFound
from server.web.methods import Endpoint

Finding = Callable[[str], Awaitable[Mapping[str, Any] | None]]
_HEADERS = {"access-control-allow-origin": "*", "cache-control": "no-store"}


def payment_endpoint(find: Finding) -> Endpoint:
    """An endpoint over the payments that ``find`` finds by any id of their run."""

    async def endpoint(request: Request) -> Response:
        found = await find(request.path_params["id"])
        if found is None:
            raise NotFound(
                "There is no such payment.",
                param="id",
                resolution="Ask by X-BatchIn-Run-Id; a payment that moved nothing leaves no trace.",
            )
        return JSONResponse(found, headers=_HEADERS)

    return endpoint
