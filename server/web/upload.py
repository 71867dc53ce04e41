"""Read a form whose file is too large for memory: its bytes go into a sink as they arrive."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from base.errors import InvalidRequest, RequestTimeout
from server.web.multipart import Field, MultipartReader, boundary_of, twice
from server.web.request import Head

Sink = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class UploadForm:
    """The texts of a form by name, and the filename of the file that went into the sink."""

    fields: Mapping[str, str]
    filename: str


async def read_upload(
    head: Head, body: AsyncIterator[bytes], sink: Sink, patience_s: float
) -> UploadForm:
    """The form, once its whole body came. Its file is the part ``file``.

    Raises UnsupportedMediaType for another media type, InvalidRequest for a form that is malformed, has
    too many or too large parts, a name twice, no file or several, RequestTimeout when nothing arrives
    for ``patience_s``, and what the sink raises.
    """
    reader = MultipartReader(boundary_of(head))
    while data := await _piece(body, patience_s):
        content = reader.feed(data)
        if reader.file is not None and reader.file.name != "file":
            raise InvalidRequest("The file should be in the part file.", param=reader.file.name)
        if content:
            await sink(content)
    reader.end()
    if reader.file is None:
        raise InvalidRequest(
            "file is required.", param="file", resolution="Add the part file, with a filename."
        )
    fields: dict[str, str] = {}
    for part in reader.parts:
        if part.name in fields or (isinstance(part, Field) and part.name == "file"):
            raise twice(part.name)
        if isinstance(part, Field):
            fields[part.name] = part.value
    return UploadForm(fields, reader.file.filename)


async def _piece(body: AsyncIterator[bytes], patience_s: float) -> bytes:
    """The next bytes that are not none, b"" at the end."""
    try:
        async with asyncio.timeout(patience_s):
            while (data := await anext(body, None)) == b"":
                pass
            return data or b""
    except TimeoutError:
        raise RequestTimeout(f"Nothing of the body arrived for {patience_s:g} s.") from None
