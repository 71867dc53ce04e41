"""Images of a conversation: fetched by us under the rules for URLs of callers, shown as data.

No engine fetches a URL: what it can reach inside our networks is no caller's business.
"""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from base.errors import InvalidRequest
from base.outbound.client import Outbound
from base.outbound.guard import OutboundFailed
from base.upload import Upload
from tools.core import Call
from tools.picture_size import picture_size

MOST_PICTURES: Final = 16
MOST_SIDE: Final = 4096
"""Pixels of a side of a picture that is to be changed or begun with: an engine unpacks it whole."""

_MOST_BYTES: Final = 20_971_520
_HEAD_BYTES: Final = 1_048_576
_ACCEPT: Final = "image/png, image/jpeg, image/webp, image/gif"
_KINDS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@dataclass(frozen=True, slots=True)
class Looker:
    """Makes pictures into data that a model sees."""

    outbound: Outbound

    async def look(self, messages: Sequence[dict[str, Any]]) -> None:
        """Put the data of each picture in the place of its URL. Raises InvalidRequest that names the
        message whose picture can't be had."""
        for number, message in enumerate(messages):
            parts = message["content"] if isinstance(message["content"], list) else ()
            for part in parts:
                if part["type"] == "image_url":
                    url = part["image_url"]["url"]
                    part["image_url"]["url"] = await self._data_url(url, f"messages.{number}.content")

    async def picture(self, given: Upload | str, param: str, call: Call) -> Upload | str:
        """A picture that an engine is to change or begin with. Nothing is fetched for a caller who has
        neither key nor payment: the challenge comes first, and the URL stays. Raises InvalidRequest for
        what can't be had, is no PNG, JPEG or WebP, or would be too large once it is unpacked."""
        if isinstance(given, Upload):
            check_picture(await asyncio.to_thread(_head, given), given.size, param)
            return given
        if not (given.startswith("data:") or call.caller.account_id or call.payment):
            return given
        body = await self._body(given, param)
        check_picture(body, len(body), param)
        return await asyncio.to_thread(Upload.of, body)

    async def _data_url(self, url: str, param: str) -> str:
        body = await self._body(url, param)
        kind = _kind_of(body)
        if kind is None:
            raise _refused("The image is neither PNG, JPEG, WebP nor GIF.", param)
        return await asyncio.to_thread(_encoded, kind, body)

    async def _body(self, url: str, param: str) -> bytes:
        if url.startswith("data:"):
            return await asyncio.to_thread(_decoded, url, param)
        try:
            return (await self.outbound.fetch(url, _MOST_BYTES, _ACCEPT)).body
        except OutboundFailed as error:
            raise _refused(f"The image could not be fetched: {error.reason}.", param) from None


def check_picture(head: bytes, size_bytes: int, param: str) -> None:
    """By its first bytes alone: nothing is unpacked here. Raises InvalidRequest."""
    if size_bytes > _MOST_BYTES:
        raise _refused(f"The image is larger than {_MOST_BYTES} bytes.", param)
    size = picture_size(head)
    if size is None:
        raise _refused("The image is neither PNG, JPEG nor WebP.", param)
    if not all(1 <= side <= MOST_SIDE for side in size):
        width, height = size
        raise _refused(f"The image is {width}x{height} pixels; a side has 1 to {MOST_SIDE} here.", param)


def _head(file: Upload) -> bytes:
    """A JPEG may have much to tell before its size."""
    with file.path.open("rb") as opened:
        return opened.read(_HEAD_BYTES)


def _decoded(url: str, param: str) -> bytes:
    """The bytes of a ``data:`` URL in base64 (RFC 2397)."""
    head, comma, text = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise _refused("The image's data: URL should be in base64.", param)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("The image's data: URL is not valid base64.", param) from None


def _encoded(kind: str, body: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(body).decode()}"


def _kind_of(body: bytes) -> str | None:
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _KINDS if body.startswith(magic)), None)


def _refused(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(
        message, param=param, resolution="Send a public http(s) URL of an image, or a data: URL of it."
    )
