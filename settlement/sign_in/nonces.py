"""Nonces that this server gave out: each signed by it, so that none is kept before it is used."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

_RANDOM_CHARS: Final = 32
_TIME_CHARS: Final = 12
_MAC_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Nonces:
    """``random || expiry || MAC`` in hex: alphanumeric, as EIP-4361 wants it."""

    secret: bytes = field(repr=False)

    def new(self, expires_at_ms: int) -> str:
        told = f"{secrets.token_hex(_RANDOM_CHARS // 2)}{expires_at_ms:0{_TIME_CHARS}x}"
        return told + self._mac(told)

    def expires_at_ms(self, nonce: str) -> int | None:
        """When a nonce ends; None for one that is not of this server."""
        told, mac = nonce[: _RANDOM_CHARS + _TIME_CHARS], nonce[_RANDOM_CHARS + _TIME_CHARS :]
        if not hmac.compare_digest(mac.encode(), self._mac(told).encode()):
            return None
        return int(told[_RANDOM_CHARS:], 16)

    def _mac(self, told: str) -> str:
        return hmac.digest(self.secret, told.encode(), hashlib.sha256)[:_MAC_BYTES].hex()
