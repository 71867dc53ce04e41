"""A file of a caller, and a page of a list of them, as OpenAI shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from storage.op import Row

PURPOSES: Final = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
"""OpenAI's; ``batch`` alone has an effect here: such a file may be the input of a batch."""

INLINE: Final = "batch_inline"
"""Tasks that came in the body of a request: kept as a file that no list shows."""

OUTPUT: Final = "batch_output"
"""What a batch wrote."""

VIDEO: Final = "video"
"""A video that was made here."""

_MEDIA_TYPES: Final[Mapping[str, str]] = {
    "batch": "application/jsonl",
    OUTPUT: "application/jsonl",
    VIDEO: "video/mp4",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file as its owner sees it, and what is needed to read it."""

    id: str
    account_id: str
    purpose: str
    filename: str
    size: int
    sha256: bytes
    object: str
    salt: bytes
    created_at_ms: int
    gone_at_ms: int

    @property
    def media_type(self) -> str:
        """Of its content, as far as its purpose tells."""
        return _MEDIA_TYPES.get(self.purpose, "application/octet-stream")

    def shown(self) -> dict[str, Any]:
        """OpenAI's file object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.size,
            "created_at": self.created_at_ms // 1000,
            "expires_at": self.gone_at_ms // 1000,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


@dataclass(frozen=True, slots=True)
class Page:
    """Some files of a list, newest first unless asked otherwise."""

    files: Sequence[File]
    has_more: bool

    def shown(self) -> dict[str, Any]:
        """OpenAI's list object."""
        return {
            "object": "list",
            "data": [file.shown() for file in self.files],
            "first_id": self.files[0].id if self.files else None,
            "last_id": self.files[-1].id if self.files else None,
            "has_more": self.has_more,
        }


def file_of(row: Row) -> File:
    return File(**{name: row[name] for name in File.__slots__})
