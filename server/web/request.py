"""Read one HTTP request strictly: its head, its credentials, its JSON body."""

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope

from base.errors import (
    InvalidRequest,
    PayloadTooLarge,
    Unauthorized,
    UnsupportedMediaType,
)

CODING: Final = b"content-encoding"
MAX_DEPTH: Final = 64
MAX_HOLDERS: Final = 100_000
MAX_MEMBERS: Final = 10_000
_HOLDERS: Final = (dict, list)
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
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
    ``check_holders`` and ``check_json`` refuse.
    """
    kind = head.headers.get(b"content-type", b"application/json").split(b";")[0].strip().lower()
    if kind != b"application/json":
        raise UnsupportedMediaType(
            f"Content-Type should be application/json, not {kind.decode('latin-1')!r}."
        )
    check_holders(body)
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


def check_holders(body: bytes) -> None:
    """Refuse JSON of more than 100,000 arrays and objects before it is parsed: a million of them would
    hold up everybody for a third of a second. Raises InvalidRequest."""
    if _holders(body) > MAX_HOLDERS and _holders(_STRING.sub(b"", body)) > MAX_HOLDERS:
        raise InvalidRequest(
            f"The body holds more than {MAX_HOLDERS:,} arrays and objects.",
            resolution=f"Send at most {MAX_HOLDERS:,} arrays and objects in one request.",
        )


def check_json(body: bytes, value: Any) -> None:
    """Refuse what parses and still can't be handled; ``value`` is what was parsed from ``body``.

    Raises InvalidRequest for nesting deeper than 64 levels, for an object of more than 10,000 members
    and for U+0000 (which PostgreSQL text can't hold).
    """
    if _holders(body) > MAX_DEPTH or body.count(b":") > MAX_MEMBERS:
        _check_shape(value)
    if b"\\u0000" in body and _NUL.search(body):
        raise InvalidRequest(
            "The body holds the character U+0000.", resolution="Remove U+0000 from all strings."
        )


def _holders(body: bytes) -> int:
    """At least as many arrays and objects as it holds: brackets in texts count too."""
    return body.count(b"[") + body.count(b"{")


def _check_shape(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for holder in level:
            values = holder
            if isinstance(holder, dict):
                _check_members(holder)
                values = holder.values()
            inner += [item for item in values if isinstance(item, _HOLDERS)]
        if not inner:
            return
        level = inner
    raise InvalidRequest(
        f"The body is nested deeper than {MAX_DEPTH} levels.",
        resolution=f"Send JSON of at most {MAX_DEPTH} levels.",
    )


def _check_members(value: dict[str, Any]) -> None:
    if len(value) > MAX_MEMBERS:
        raise InvalidRequest(
            f"An object of the body has more than {MAX_MEMBERS:,} members.",
            resolution=f"Send objects of at most {MAX_MEMBERS:,} members.",
        )
