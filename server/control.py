"""The Starlette app of the control plane: routes, and errors in the documented shape."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from base.errors import BatchinError, InvalidRequest, MethodNotAllowed, NotFound
from server.web.error_answer import error_answer
from server.web.respond import note_refusal, public_error


def control_plane(routes: Sequence[BaseRoute]) -> Starlette:
    """Serves everything that is not on a hot path."""
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _refused, BatchinError: _failed, Exception: _failed},
    )
    app.router.redirect_slashes = False  # it would redirect to whatever the Host header names
    return app


async def _refused(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: no such route, or not with that method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        shown: BatchinError = NotFound(
            "There is nothing at this path.", resolution="GET /openapi.json lists every route."
        )
    elif status == 405:
        allowed = (error.headers or {}).get("Allow", "") if isinstance(error, HTTPException) else ""
        shown = MethodNotAllowed(
            f"{request.method} is not allowed on this path.", headers={"Allow": allowed}
        )
    else:
        shown = InvalidRequest("The request could not be read.")
    note_refusal(shown)
    return error_answer(shown)


async def _failed(_: Request, error: Exception) -> Response:
    return error_answer(public_error(error))
