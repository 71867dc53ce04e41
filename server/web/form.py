"""Read a form as arguments: its file goes to the disk as it arrives."""

import asyncio
from typing import Any, Final

from starlette.types import Receive

from base.upload import Upload, UploadWriter
from server.web.multipart import Field, MultipartReader, boundary_of, twice
from server.web.request import Head, body_pieces

_STEP: Final = 262_144


async def read_form(head: Head, receive: Receive, limit: int) -> dict[str, Any]:
    """Texts by name, the file as an Upload; ``name[]`` is a list of texts.

    Raises UnsupportedMediaType for another media type, InvalidRequest for a form that is malformed, has
    too many or too large parts, a name twice or more than one file, and what ``body_pieces`` raises.
    """
    form = _Form(boundary_of(head))
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

    def __init__(self, boundary: bytes) -> None:
        self._reader = MultipartReader(boundary)
        self._file: UploadWriter | None = None

    def feed(self, data: bytes) -> None:
        content = self._reader.feed(data)
        if self._file is None and self._reader.file is not None:
            self._file = UploadWriter()
        if self._file is not None:
            self._file.write(content)

    def end(self) -> dict[str, Any]:
        self._reader.end()
        fields: dict[str, Any] = {}
        for part in self._reader.parts:
            if isinstance(part, Field) and part.name.endswith("[]"):
                _listed(fields, part.name).append(part.value)
            elif part.name in fields:
                raise twice(part.name)
            else:
                fields[part.name] = part.value if isinstance(part, Field) else self._upload()
        return fields

    def _upload(self) -> Upload:
        writer, self._file = self._file, None
        assert writer is not None
        return writer.end()


def _listed(fields: dict[str, Any], name: str) -> list[Any]:
    found = fields.setdefault(name.removesuffix("[]"), [])
    if not isinstance(found, list):
        raise twice(name)
    return found
