"""GET /images/generated/{name}.png, pictures under links; and what is read of POST /v1/images/edits."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive

from base.errors import InvalidRequest, NotFound
from server.web.form import read_form
from server.web.request import Head, read_body, read_json
from tools.image import MAX_GIVEN

PICTURES = "/images/generated/"
_PATH = PICTURES + "{name}.png"
_FORM: Final = b"multipart/form-data"
_NUMBERS: Final = frozenset({"n", "seed"})
_DIGITS: Final = 12

Read = Callable[[str], Awaitable[bytes | None]]
Save = Callable[[bytes], Awaitable[str]]
"""Keeps a picture under a name that nobody guesses, and returns the name."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Makes a link of a picture, on the server at ``url``."""

    url: str
    save: Save

    async def __call__(self, picture: bytes) -> str:
        return f"{self.url}{PICTURES}{await self.save(picture)}.png"


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

    return [Route(_PATH, picture)]


@dataclass(frozen=True, slots=True)
class EditReader:
    """Reads the form of OpenAI's SDKs, whose pictures are files, or JSON with their URLs."""

    form_limit: int

    async def __call__(self, head: Head, receive: Receive, limit: int) -> dict[str, Any]:
        if not head.headers.get(b"content-type", b"").lower().startswith(_FORM):
            arguments = read_json(head, await read_body(receive, head, limit))
        else:
            arguments = await read_form(head, receive, self.form_limit, MAX_GIVEN)
            for name in _NUMBERS & arguments.keys():
                arguments[name] = _number(arguments[name])
        given = arguments.get("image")
        if given is None:
            raise InvalidRequest(
                "image is required.",
                param="image",
                resolution="Send the pictures as the part image, or image[] for several.",
            )
        return {**arguments, "image": given if isinstance(given, list) else [given]}


def _number(value: Any) -> Any:
    """A form holds texts."""
    digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _DIGITS
    return int(value) if digits else value
