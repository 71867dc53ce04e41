"""Write answers: JSON, errors in the documented shape, server-sent events."""

import logging
from collections.abc import Iterable

import orjson
from starlette.types import Send

from base.errors import BatchinError, InternalError

HeaderList = list[tuple[bytes, bytes]]

log = logging.getLogger("batchin.http")


async def send_bytes(
    send: Send,
    status: int,
    body: bytes,
    headers: Iterable[tuple[bytes, bytes]] = (),
    media_type: str = "application/json",
) -> None:
    """One whole answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media_type.encode()),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_error(
    send: Send, error: BatchinError, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """An error as a whole answer. A header of the door stands in place of the error's own."""
    merged = {**dict(error_headers(error)), **dict(headers)}
    await send_bytes(send, error.status, orjson.dumps(error.body()), merged.items())


def error_headers(error: BatchinError) -> HeaderList:
    """``Retry-After``, ``x-should-retry`` (which the official SDKs obey) and the error's own headers."""
    headers = {name.lower(): value for name, value in error.headers.items()}
    if error.retry_after_s is not None:
        headers.setdefault("retry-after", str(error.retry_after_s))
    if not error.retryable:
        headers.setdefault("x-should-retry", "false")
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def note_refusal(error: BatchinError) -> None:
    """The log's line for a request that was refused before any tool was named."""
    log.info("refused", extra={"code": error.code, "status": error.status})


def public_error(error: Exception) -> BatchinError:
    """The error to show: a documented one as it is, anything else as internal_error, logged."""
    if isinstance(error, BatchinError):
        return error
    log.error("unexpected error", exc_info=error)
    return InternalError("The server failed to handle this request.")


def sse(data: bytes) -> bytes:
    """One event of the stream. The data is JSON, so it holds no line break (WHATWG HTML 9.2)."""
    return b"data: " + data + b"\n\n"
