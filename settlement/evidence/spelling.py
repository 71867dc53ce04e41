"""How keys, signatures and integers are spelled in records, receipts and key lists."""

import re
from typing import Final

from base.canonical import SAFE_INTEGER

VERIFICATION_METHOD: Final = "Ed25519Signature2020"
_PUBLIC_KEY: Final = re.compile(r"ed25519:pk_([0-9a-f]{64})")
_SIGNATURE: Final = re.compile(r"ed25519:([0-9a-f]{128})")
_HASH: Final = re.compile(r"sha256:([0-9a-f]{64})")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,38}")


def public_key_text(public_key: bytes) -> str:
    return "ed25519:pk_" + public_key.hex()


def signature_text(signature: bytes) -> str:
    return "ed25519:" + signature.hex()


def hash_text(digest: bytes) -> str:
    """The spelling of a SHA-256."""
    return "sha256:" + digest.hex()


def public_key_from(text: object) -> bytes | None:
    """The 32 bytes behind ``ed25519:pk_<64 hex>``; None when it is spelled otherwise."""
    return _bytes_from(_PUBLIC_KEY, text)


def signature_from(text: object) -> bytes | None:
    """The 64 bytes behind ``ed25519:<128 hex>``; None when it is spelled otherwise."""
    return _bytes_from(_SIGNATURE, text)


def hash_from(text: object) -> bytes | None:
    """The 32 bytes behind ``sha256:<64 hex>``; None when it is spelled otherwise."""
    return _bytes_from(_HASH, text)


def number(value: int) -> int | str:
    """An integer as payloads hold it: 2^53 and above is a decimal string (RFC 8785 section 6)."""
    return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)


def number_from(value: object) -> int | None:
    """The non-negative integer behind ``number``'s spelling; None when it is none."""
    if type(value) is int:
        return value if 0 <= value <= SAFE_INTEGER else None
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return int(value)
    return None


def _bytes_from(pattern: re.Pattern[str], text: object) -> bytes | None:
    match = pattern.fullmatch(text) if isinstance(text, str) else None
    return bytes.fromhex(match[1]) if match else None
