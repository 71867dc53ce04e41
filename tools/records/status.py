"""google.rpc.Status, which OTLP answers errors with: a code of gRPC and a message."""

from collections.abc import Mapping
from typing import Final

_CODES: Final[Mapping[int, int]] = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    413: 8,  # RESOURCE_EXHAUSTED
    429: 8,
    500: 13,  # INTERNAL
    503: 14,  # UNAVAILABLE
}
_INVALID: Final = 3


def status_message(http_status: int, message: str) -> bytes:
    """The message in protobuf: field 1 is the code, field 2 the text."""
    text = message.encode("utf-8", "replace")
    return bytes((0x08, _CODES.get(http_status, _INVALID), 0x12)) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
