"""Read a form whose file is small enough for memory."""

import asyncio
from typing import Any

from base.upload import Upload
from server.web.multipart import Field, MultipartReader, boundary_of, twice
from server.web.request import Head


async def read_form(head: Head, body: bytes) -> dict[str, Any]:
    """The form as arguments: texts by name, the file as an Upload; ``name[]`` is a list of texts.

    Raises UnsupportedMediaType for another media type, InvalidRequest for a form that is malformed, has
    too many or too large parts, a name twice or more than one file.
    """
    return await asyncio.to_thread(_parsed, boundary_of(head), body)


def _parsed(boundary: bytes, body: bytes) -> dict[str, Any]:
    reader = MultipartReader(boundary)
    content = reader.feed(body)
    reader.end()
    fields: dict[str, Any] = {}
    for part in reader.parts:
        value = part.value if isinstance(part, Field) else Upload.of(content)
        if isinstance(part, Field) and part.name.endswith("[]"):
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
