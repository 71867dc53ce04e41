"""Forms with files, for requests to engines (RFC 7578)."""

import secrets
from collections.abc import Iterable, Sequence


def form(fields: Iterable[tuple[str, str]], files: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """The media type and the body: ``fields`` in their order, then each file under its field's name.

    Names are ours and hold nothing that must be quoted; values may hold anything, since no text can hold
    the boundary, which is random.
    """
    boundary = secrets.token_hex(16)
    parts = [_part(boundary, f'name="{name}"') + value.encode() for name, value in fields]
    for name, data in files:
        head = f'name="{name}"; filename="{name}"\r\nContent-Type: application/octet-stream'
        parts.append(_part(boundary, head) + data)
    parts.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"\r\n".join(parts)


def _part(boundary: str, rest: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {rest}\r\n\r\n".encode()
