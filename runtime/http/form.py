"""Forms with files, for requests to engines (RFC 7578)."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file under the name of its field."""

    name: str
    filename: str
    data: bytes


def form(fields: Iterable[tuple[str, str]], files: Sequence[FormFile]) -> tuple[str, bytes]:
    """The media type and the body: ``fields`` in their order, then each file.

    Names are ours and hold nothing that must be quoted; values may hold anything, since no text can hold
    the boundary, which is random.
    """
    boundary = secrets.token_hex(16)
    parts = [_part(boundary, f'name="{name}"') + value.encode() for name, value in fields]
    for file in files:
        head = (
            f'name="{file.name}"; filename="{file.filename}"\r\nContent-Type: application/octet-stream'
        )
        parts.append(_part(boundary, head) + file.data)
    parts.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"\r\n".join(parts)


def _part(boundary: str, rest: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {rest}\r\n\r\n".encode()
