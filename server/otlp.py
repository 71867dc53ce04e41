"""OTLP over HTTP: spans in, and out in pages (https://opentelemetry.io/docs/specs/otlp/#otlphttp)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.errors import BatchinError, InvalidRequest, UnsupportedMediaType
from server.web.caller import Callers
from server.web.error_answer import error_answer
from server.web.owner import owner_of
from server.web.packed import read_packed_body
from server.web.query import numbers_read
from server.web.refusal import refusal_headers
from server.web.request import Disconnected
from server.web.respond import error_headers, public_error
from tools.observe import Observer
from tools.records.book import SpanBook
from tools.records.status import status_message

JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"
IN: Final = ("/v1/otlp/traces", "/v1/otlp/v1/traces")
OUT: Final = "/v1/otlp/export"
_NEXT: Final = "x-batchin-next"
_TOOL: Final = "otlp"
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class OtlpRoutes:
    """The spans of whoever asks; ``limit`` bounds a body, packed and unpacked."""

    book: SpanBook
    callers: Callers
    observer: Observer
    limit: int

    def routes(self) -> list[Route]:
        return [
            *(Route(path, self._take, methods=["POST"]) for path in IN),
            Route(OUT, self._give, methods=["GET"]),
        ]

    async def _take(self, request: Request) -> Response:
        kind = _kind(request.headers.get("content-type", JSON))
        try:
            owner = owner_of(self.callers, request)
            if kind is None:
                raise UnsupportedMediaType(
                    f"Content-Type should be {JSON} or {PROTOBUF}.",
                    resolution=f"Send {JSON} or {PROTOBUF}.",
                )
            body = await read_packed_body(request.receive, owner.head, self.limit)
            taken = await self.book.take(owner.account_id, body, as_json=kind == JSON)
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: public_error logs it
            return self._refused(error, kind)
        return Response(taken.answer(as_json=kind == JSON), media_type=kind)

    async def _give(self, request: Request) -> Response:
        kind = _wanted(request.headers.get("accept", "*/*"))
        try:
            owner = owner_of(self.callers, request)
            asked = _asked(request)
            page = await self.book.page(owner.account_id, **asked)
            body = await self.book.exported(page, as_json=kind == JSON)
        except Exception as error:  # noqa: BLE001 - the boundary: public_error logs it
            return self._refused(error, kind)
        headers = {"cache-control": "private, no-store", "vary": "Accept"}
        if page.next_after is not None:
            headers[_NEXT] = str(page.next_after)
        return Response(body, headers=headers, media_type=kind)

    def _refused(self, error: Exception, kind: str | None) -> Response:
        """In the documented shape, and to a client that speaks protobuf as google.rpc.Status."""
        shown = public_error(error)
        named = refusal_headers(self.observer, _TOOL, shown)
        if kind != PROTOBUF:
            return error_answer(shown, named)
        response = Response(_status(shown), shown.status, media_type=PROTOBUF)
        response.raw_headers.extend([*error_headers(shown), *named])
        return response


def _status(error: BatchinError) -> bytes:
    return status_message(error.status, f"{error.code}: {error.message} {error.resolution}")


def _kind(content_type: str) -> str | None:
    kind = content_type.partition(";")[0].strip().lower()
    return kind if kind in (JSON, PROTOBUF) else None


def _wanted(accept: str) -> str:
    """Protobuf for who asks for it by name, else JSON."""
    ranges = {one.partition(";")[0].strip().lower() for one in accept.split(",")}
    return PROTOBUF if PROTOBUF in ranges and JSON not in ranges else JSON


def _asked(request: Request) -> Mapping[str, Any]:
    """Raises InvalidRequest."""
    read = numbers_read(request, ("limit", "after"))
    limit, trace_id = read.get("limit", _MOST), read.get("trace_id")
    if not 1 <= limit <= _MOST:
        raise InvalidRequest(f"limit should be from 1 to {_MOST}.", param="limit")
    if trace_id is not None and not _is_trace_id(trace_id):
        raise InvalidRequest("trace_id should be 32 hex digits.", param="trace_id")
    return {
        "limit": limit,
        "after": read.get("after", 0),
        "trace_id": trace_id.lower() if trace_id else None,
    }


def _is_trace_id(text: str) -> bool:
    return len(text) == 32 and all(char in "0123456789abcdefABCDEF" for char in text)
