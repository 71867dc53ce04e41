"""Forms with a file, for requests to engines (RFC 7578)."""

import secrets
from collections.abc import Iterable


def form(fields: Iterable[tuple[str, str]], file: tuple[str, bytes]) -> tuple[str, bytes]:
    """The media type and the body: ``fields`` in their order, then the file under the name of its field.

    Names are ours and hold nothing that must be quoted; values may hold anything, since no text can hold
    the boundary, which is random.
    """
    boundary = secrets.token_hex(16)
    parts = [_part(boundary, f'name="{name}"') + value.encode() for name, value in fields]
    name, data = file
    head = f'name="{name}"; filename="{name}"\r\nContent-Type: application/octet-stream'
    parts += [_part(boundary, head) + data, f"--{boundary}--\r\n".encode()]
    return f"multipart/form-data; boundary={boundary}", b"\r\n".join(parts)


def _part(boundary: str, rest: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {rest}\r\n\r\n".encode()
