"""Errors of the control plane as Starlette answers, in the documented shape."""

from collections.abc import Iterable

import orjson
from starlette.responses import Response

from base.errors import BatchinError
from server.web.respond import error_headers


def error_answer(error: BatchinError, headers: Iterable[tuple[bytes, bytes]] = ()) -> Response:
    """A documented error with its own headers and these."""
    response = Response(orjson.dumps(error.body()), error.status, media_type="application/json")
    response.raw_headers.extend([*error_headers(error), *headers])
    return response
