"""Read a multipart/form-data body (RFC 7578): its fields and its one file."""

import asyncio
from typing import Any, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from base.errors import InvalidRequest, UnsupportedMediaType
from base.upload import Upload
from server.web.request import Head

_MOST_PARTS: Final = 32
_MOST_FIELD_BYTES: Final = 65_536
_MOST_NAME_BYTES: Final = 128
_MOST_HEADERS: Final = 8
_MOST_HEADER_BYTES: Final = 4096


async def read_form(head: Head, body: bytes) -> dict[str, Any]:
    """The form as arguments: texts by name, the file as an Upload; ``name[]`` is a list of texts.

    Raises UnsupportedMediaType for another media type, InvalidRequest for a form that is malformed, has
    too many or too large parts, a name twice or more than one file.
    """
    kind, options = parse_options_header(head.headers.get(b"content-type", b""))
    if kind != b"multipart/form-data":
        raise UnsupportedMediaType(
            f"Content-Type should be multipart/form-data, not {kind.decode('latin-1')!r}.",
            resolution="Send the file and the fields as multipart/form-data.",
        )
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise _malformed("the Content-Type names no boundary")
    return await asyncio.to_thread(_parsed, boundary, body)


def _parsed(boundary: bytes, body: bytes) -> dict[str, Any]:
    form = _Form()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.begin,
                "on_header_field": form.header_name,
                "on_header_value": form.header_value,
                "on_header_end": form.header_end,
                "on_part_data": form.data,
                "on_part_end": form.end_part,
                "on_end": form.end,
            },
            max_header_count=_MOST_HEADERS,
            max_header_size=_MOST_HEADER_BYTES,
        )
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise _malformed("it can't be parsed") from None
    if not form.ended:
        raise _malformed("it ends too early")
    return form.fields


class _Form:
    """What the parser's callbacks gather."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.ended = False
        self._files = 0
        self._parts = 0
        self._name = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._content = bytearray()

    def begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise _malformed(f"it has more than {_MOST_PARTS} parts")
        self._headers = {}
        self._content = bytearray()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def end_part(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = _text(options.get(b"name", b""), _MOST_NAME_BYTES)
        if kind != b"form-data" or not name:
            raise _malformed("a part has no name")
        if b"filename" in options:
            self._add_file(name)
            return
        value = _text(bytes(self._content), _MOST_FIELD_BYTES)
        if name.endswith("[]"):
            self.fields.setdefault(name.removesuffix("[]"), [])
            listed = self.fields[name.removesuffix("[]")]
            if not isinstance(listed, list):
                raise _twice(name)
            listed.append(value)
        else:
            self._add(name, value)

    def end(self) -> None:
        self.ended = True

    def _add_file(self, name: str) -> None:
        self._files += 1
        if self._files > 1:
            raise InvalidRequest("The form holds more than one file.", param=name)
        self._add(name, Upload.of(bytes(self._content)))

    def _add(self, name: str, value: object) -> None:
        if name in self.fields:
            raise _twice(name)
        self.fields[name] = value


def _text(data: bytes, most: int) -> str:
    if len(data) > most:
        raise _malformed(f"a field is larger than {most} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _malformed("a field is not UTF-8") from None
    if "\0" in text:
        raise _malformed("a field holds U+0000")
    return text


def _twice(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"The form holds {name} more than once.", param=name, resolution=f"Send {name} once."
    )


def _malformed(what: str) -> InvalidRequest:
    return InvalidRequest(
        f"The body is no form that can be read: {what}.", resolution="Send a multipart/form-data body."
    )
