"""The routes of files, as OpenAI's: upload, list, get, content, delete."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from base.errors import InvalidRequest
from base.ids import new_id
from server.web.caller import Callers, idempotency_key
from server.web.methods import route
from server.web.owner import owned_answer, owner_of, owner_of_object
from server.web.ranges import span_of
from server.web.request import check_coding
from server.web.upload import read_upload
from tools.files.file import PURPOSES, File
from tools.files.files import LIST_LIMIT, Files
from tools.files.form import check_purpose, life_from

_GONE: Final = 499
_FIELDS: Final = frozenset({"purpose", "expires_after[anchor]", "expires_after[seconds]"})


@dataclass(frozen=True, slots=True)
class FileDoor:
    """``patience_s``: how long an upload may stand still."""

    files: Files
    callers: Callers
    patience_s: float

    def routes(self) -> list[Route]:
        return [
            route("/v1/files", GET=self._list, POST=self._create),
            route("/v1/files/{id}", GET=self._get, DELETE=self._delete),
            route("/v1/files/{id}/content", GET=self._content),
        ]

    async def _create(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        check_coding(owner.head)
        try:
            async with self.files.upload(owner.account_id) as upload:
                form = await read_upload(owner.head, request.stream(), upload.write, self.patience_s)
                if unknown := sorted(form.fields.keys() - _FIELDS):
                    raise _unknown(unknown[0])
                purpose, life_s = check_purpose(form.fields.get("purpose")), life_from(form.fields)
                key = idempotency_key(owner.head)
                file = await upload.finish(form.filename, purpose, life_s, key)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        return owned_answer(file.shown())

    async def _list(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        query = request.query_params
        page = await self.files.page(
            owner.account_id,
            purpose=query.get("purpose"),
            after=query.get("after"),
            limit=limit_from(query, LIST_LIMIT, LIST_LIMIT),
            newest_first=newest_first(query),
        )
        return owned_answer(page.shown())

    async def _get(self, request: Request) -> Response:
        owner = owner_of_object(self.callers, request)
        file = await self.files.get(owner.account_id, request.path_params["id"])
        return owned_answer(file.shown())

    async def _delete(self, request: Request) -> Response:
        owner = owner_of_object(self.callers, request)
        file_id = request.path_params["id"]
        await self.files.delete(owner.account_id, file_id)
        return owned_answer({"id": file_id, "object": "file", "deleted": True})

    async def _content(self, request: Request) -> Response:
        owner = owner_of_object(self.callers, request)
        file = await self.files.get(owner.account_id, request.path_params["id"])
        return await file_answer(self.files, file, request)


async def file_answer(files: Files, file: File, request: Request) -> Response:
    """The bytes of a file, or the part of them that is asked for."""
    span = span_of(request.headers.get("range"), file.size)
    headers = {**span.headers(), **_content_headers(file)}
    parts = files.content(file, span.start, span.end)
    if span.end > span.start:
        parts = await _begun(parts)
    return StreamingResponse(parts, 206 if span.partial else 200, headers)


def limit_from(query: Mapping[str, str], default: int, most: int) -> int:
    """The ``limit`` of a list. Raises InvalidRequest."""
    text = query.get("limit", str(default))
    if not (
        text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most
    ):
        raise InvalidRequest(f"limit should be a number from 1 to {most}.", param="limit")
    return int(text)


def newest_first(query: Mapping[str, str]) -> bool:
    """The ``order`` of a list. Raises InvalidRequest."""
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequest("order should be asc or desc.", param="order")
    return order == "desc"


def _content_headers(file: File) -> dict[str, str]:
    """Whatever a caller uploaded is handed out as a download, never as a page of this host."""
    return {
        "x-request-id": new_id("req"),
        "cache-control": "private, no-store",
        "content-type": file.media_type,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}",
        "x-content-type-options": "nosniff",
        "etag": f'"{file.sha256.hex()}"',
    }


async def _begun(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same parts, the first of them read: what can't be read fails before the head is sent."""
    first = await anext(parts)

    async def all_parts() -> AsyncIterator[bytes]:
        yield first
        async for part in parts:
            yield part

    return all_parts()


def _unknown(name: str) -> InvalidRequest:
    allowed = "file, purpose, expires_after[anchor], expires_after[seconds]"
    return InvalidRequest(
        f"{name}: this field is not supported here and was not ignored.",
        param=name,
        resolution=f"Remove it. Supported: {allowed}; purpose is one of {', '.join(PURPOSES)}.",
    )
