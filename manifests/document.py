"""A rendered document: what a GET of its path answers with."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of a document and its media type. It may be cached and read from any origin."""

    content_type: str
    body: bytes

    @property
    def etag(self) -> str:
        """A strong validator (RFC 9110 section 8.8.3)."""
        return '"' + hashlib.sha256(self.body).hexdigest()[:32] + '"'

    @property
    def text(self) -> str:
        return self.body.decode()


def json_document(value: Any, content_type: str = "application/json") -> Document:
    """JSON that a person can read too."""
    return Document(content_type, orjson.dumps(value, option=orjson.OPT_INDENT_2))


def text_document(text: str, content_type: str) -> Document:
    return Document(f"{content_type}; charset=utf-8", text.encode())
