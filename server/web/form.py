"""Read a form as arguments: its files go to the disk as they arrive."""

import asyncio
from typing import Any, Final

from starlette.types import Receive

from base.upload import Upload, UploadWriter
from server.web.multipart import Field, MultipartReader, boundary_of, twice
from server.web.request import Head, body_pieces

_STEP: Final = 262_144


async def read_form(head: Head, receive: Receive, limit: int, most_files: int = 1) -> dict[str, Any]:
    """Texts by name, files as Uploads; ``name[]`` is a list of either.

    Raises UnsupportedMediaType for another media type, InvalidRequest for a form that is malformed, has
    too many or too large parts, a name twice or more than ``most_files`` files, and what ``body_pieces``
    raises.
    """
    form = _Form(boundary_of(head), most_files)
    waiting: list[bytes] = []
    size = 0
    async for piece in body_pieces(receive, head, limit):
        waiting.append(piece)
        size += len(piece)
        if size >= _STEP:
            await asyncio.to_thread(form.feed, b"".join(waiting))
            waiting, size = [], 0
    await asyncio.to_thread(form.feed, b"".join(waiting))
    return form.end()


class _Form:
    """A form as it grows. ``feed`` blocks."""

    def __init__(self, boundary: bytes, most_files: int) -> None:
        self._reader = MultipartReader(boundary, most_files)
        self._files: list[UploadWriter] = []

    def feed(self, data: bytes) -> None:
        pieces = self._reader.pieces(data)
        while len(self._files) < self._reader.files:
            self._files.append(UploadWriter())
        for number, piece in pieces:
            self._files[number].write(piece)

    def end(self) -> dict[str, Any]:
        self._reader.end()
        fields: dict[str, Any] = {}
        files, self._files = iter(self._files), []
        for part in self._reader.parts:
            value: str | Upload = part.value if isinstance(part, Field) else next(files).end()
            if part.name.endswith("[]"):
                _listed(fields, part.name).append(value)
            elif part.name in fields:
                raise twice(part.name)
            else:
                fields[part.name] = value
        return fields


def _listed(fields: dict[str, Any], name: str) -> list[Any]:
    found = fields.setdefault(name.removesuffix("[]"), [])
    if not isinstance(found, list):
        raise twice(name)
    return found
