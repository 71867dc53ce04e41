"""GET /images/generated/{name}.png: pictures under links; and what no engine here does with pictures."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.errors import EngineNotConfigured, NotFound

PICTURES = "/images/generated/"
_PATH = PICTURES + "{name}.png"
_EDITS = "/v1/images/edits"

Read = Callable[[str], Awaitable[bytes | None]]


def picture_routes(read: Read, ttl_s: int) -> list[Route]:
    """The link is the only key, so an answer may be cached by its reader and by nobody between.
    A name that never was and one that expired are the same."""
    headers = {
        "cache-control": f"private, max-age={min(ttl_s, 3600)}, immutable",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'",
        "referrer-policy": "no-referrer",
        "access-control-allow-origin": "*",
    }

    async def picture(request: Request) -> Response:
        data = await read(request.path_params["name"])
        if data is None:
            raise NotFound(
                "There is no picture under this link; it may have expired.",
                resolution="Ask for the picture again; with response_format b64_json it is yours.",
            )
        return Response(data, media_type="image/png", headers=headers)

    return [Route(_PATH, picture), Route(_EDITS, _edits, methods=["POST"])]


async def _edits(_: Request) -> Response:
    raise EngineNotConfigured(
        "This server has no engine that edits pictures.",
        resolution="POST /v1/images/generations makes pictures from a prompt.",
    )
