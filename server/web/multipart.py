"""Read a multipart/form-data body (RFC 7578) piece by piece: its fields and its files."""

from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from base.errors import InvalidRequest, UnsupportedMediaType
from server.web.request import Head

_MOST_PARTS: Final = 32
_MOST_FIELD_BYTES: Final = 65_536
_MOST_NAME_BYTES: Final = 128
_MOST_FILENAME_BYTES: Final = 1024
_MOST_HEADERS: Final = 8
_MOST_HEADER_BYTES: Final = 4096
_MOST_BOUNDARY_BYTES: Final = 70  # RFC 2046 section 5.1.1


@dataclass(frozen=True, slots=True)
class Field:
    """A part without a filename."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FileName:
    """The head of the part with a filename: its field, and the filename as it was sent."""

    name: str
    filename: str


def boundary_of(head: Head) -> bytes:
    """Raises UnsupportedMediaType for another media type, InvalidRequest without a proper boundary."""
    kind, options = parse_options_header(head.headers.get(b"content-type", b""))
    if kind != b"multipart/form-data":
        raise UnsupportedMediaType(
            f"Content-Type should be multipart/form-data, not {kind.decode('latin-1')!r}.",
            resolution="Send the file and the fields as multipart/form-data.",
        )
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise malformed("the Content-Type names no boundary")
    if len(boundary) > _MOST_BOUNDARY_BYTES:
        raise malformed(f"its boundary is longer than {_MOST_BOUNDARY_BYTES} bytes")
    return boundary


class MultipartReader:
    """Feeds the parser and gathers what its callbacks tell.

    Raises InvalidRequest for a form that is malformed, has too many or too large parts, or more than
    ``most_files`` files. ``parts`` are its fields and the heads of its files, in their order.
    """

    def __init__(self, boundary: bytes, most_files: int = 1) -> None:
        self.parts: list[Field | FileName] = []
        self.file: FileName | None = None
        self.files = 0
        self._most_files = most_files
        self._begun = 0
        self._name = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._field: str | None = None
        self._text = bytearray()
        self._content: list[tuple[int, bytes]] = []
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
            max_header_count=_MOST_HEADERS,
            max_header_size=_MOST_HEADER_BYTES,
        )

    def feed(self, data: bytes) -> bytes:
        """What of this data belongs to the file, in a form that has one."""
        return b"".join(piece for _, piece in self.pieces(data))

    def pieces(self, data: bytes) -> list[tuple[int, bytes]]:
        """What of this data belongs to files, each by its number from 0."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise malformed("it can't be parsed") from None
        content, self._content = self._content, []
        return content

    def end(self) -> None:
        """The body is over."""
        try:
            self._parser.finalize()
        except FormParserError:
            raise malformed("it can't be parsed") from None
        if not self._ended:
            raise malformed("it ends too early")

    def _begin(self) -> None:
        self._begun += 1
        if self._begun > _MOST_PARTS:
            raise malformed(f"it has more than {_MOST_PARTS} parts")
        self._headers = {}
        self._field = None
        self._text = bytearray()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def _headers_end(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = _text(options.get(b"name", b""), _MOST_NAME_BYTES)
        if kind != b"form-data" or not name:
            raise malformed("a part has no name")
        if b"filename" not in options:
            self._field = name
            return
        if self.files == self._most_files:
            most = "one file" if self.files == 1 else f"{self.files} files"
            raise InvalidRequest(f"The form holds more than {most}.", param=name)
        self.files += 1
        self.file = FileName(name, _text(options[b"filename"], _MOST_FILENAME_BYTES))
        self.parts.append(self.file)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._content.append((self.files - 1, data[start:end]))
            return
        self._text += data[start:end]
        if len(self._text) > _MOST_FIELD_BYTES:
            raise malformed(f"a field is larger than {_MOST_FIELD_BYTES} bytes")

    def _part_end(self) -> None:
        if self._field is not None:
            self.parts.append(Field(self._field, _text(bytes(self._text), _MOST_FIELD_BYTES)))

    def _end(self) -> None:
        self._ended = True


def twice(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"The form holds {name} more than once.", param=name, resolution=f"Send {name} once."
    )


def malformed(what: str) -> InvalidRequest:
    return InvalidRequest(
        f"The body is no form that can be read: {what}.", resolution="Send a multipart/form-data body."
    )


def _text(data: bytes, most: int) -> str:
    if len(data) > most:
        raise malformed(f"a name or field is larger than {most} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise malformed("a name or field is not UTF-8") from None
    if "\0" in text:
        raise malformed("a name or field holds U+0000")
    return text
