"""Read one HTTP request strictly: its head, its credentials, its JSON body."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Receive, Scope

from base.errors import (
    InvalidRequest,
    PayloadTooLarge,
    Unauthorized,
    UnsupportedMediaType,
)

CODING = b"content-encoding"
MAX_DEPTH = 64
_SINGLE = (
    b"authorization",
    b"content-type",
    b"payment-signature",
    b"x-payment",
    b"idempotency-key",
    b"sign-in-with-x",
    b"x-batchin-quote",
)


class Disconnected(Exception):
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True)
class Head:
    """The headers of a request, lower-case names; those that must be single are."""

    headers: dict[bytes, bytes]

    def text(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def bearer(self) -> str | None:
        """The Bearer token, None without an Authorization header.

        Raises Unauthorized for any other scheme or form (RFC 6750 section 2.1).
        """
        value = self.text(b"authorization")
        if value is None:
            return None
        scheme, _, token = value.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or " " in token:
            raise Unauthorized
        return token


def read_head(scope: Scope) -> Head:
    """The request's headers.

    Raises InvalidRequest for a header that may stand once and stands twice.
    """
    raw: Iterable[tuple[bytes, bytes]] = scope["headers"]
    headers: dict[bytes, bytes] = {}
    for name, value in raw:
        if name in headers and name in _SINGLE:
            raise InvalidRequest(
                f"The header {name.decode()} stands more than once.",
                param=name.decode(),
                resolution="Send that header once.",
            )
        headers[name] = value
    return Head(headers)


async def read_body(receive: Receive, head: Head, limit: int) -> bytes:
    """The whole body. Raises what ``body_pieces`` does."""
    _check_declared(head, limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise too_large(limit)
        return body
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


async def body_pieces(receive: Receive, head: Head, limit: int) -> AsyncIterator[bytes]:
    """The body as it arrives.

    Raises PayloadTooLarge past ``limit`` bytes, as soon as it is known, UnsupportedMediaType for a
    content coding (RFC 9110 section 15.5.16), and Disconnected.
    """
    _check_declared(head, limit)
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        yield piece
        more = bool(message.get("more_body"))


def _check_declared(head: Head, limit: int) -> None:
    check_coding(head)
    declared = head.headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)


def check_coding(head: Head) -> None:
    """Raises UnsupportedMediaType for a body that is packed (RFC 9110 section 15.5.16)."""
    coding = head.text(CODING)
    if coding is not None and coding.strip().lower() != "identity":
        raise UnsupportedMediaType(
            f"Content-Encoding {coding!r} is not taken.",
            resolution="Send the body as it is, without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )


def too_large(limit: int) -> PayloadTooLarge:
    """What a body of more than ``limit`` bytes is refused with."""
    return PayloadTooLarge(
        f"The body is larger than {limit} bytes.", resolution=f"Send at most {limit} bytes."
    )


def read_json(head: Head, body: bytes) -> dict[str, Any]:
    """The body as a JSON object.

    Raises UnsupportedMediaType for another media type, InvalidRequest for bad JSON and for what
    ``check_json`` refuses.
    """
    kind = head.headers.get(b"content-type", b"application/json").split(b";")[0].strip().lower()
    if kind != b"application/json":
        raise UnsupportedMediaType(
            f"Content-Type should be application/json, not {kind.decode('latin-1')!r}."
        )
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            f"The body is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}.",
            resolution="Send one JSON object in UTF-8.",
        ) from None
    if not isinstance(value, dict):
        raise InvalidRequest(
            "The body should be a JSON object.", resolution="Send one JSON object in UTF-8."
        )
    check_json(body, value)
    return value


def check_json(body: bytes, value: Any) -> None:
    """Refuse what parses and still can't be handled; ``value`` is what was parsed from ``body``.

    Raises InvalidRequest for nesting deeper than 64 levels and for U+0000 (which PostgreSQL text can't
    hold).
    """
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise InvalidRequest(
            f"The body is nested deeper than {MAX_DEPTH} levels.",
            resolution=f"Send JSON of at most {MAX_DEPTH} levels.",
        )
    if b"\\u0000" in body and _has_nul(value):
        raise InvalidRequest(
            "The body holds the character U+0000.", resolution="Remove U+0000 from all strings."
        )


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (item for item in items if isinstance(item, (dict, list)))


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)
