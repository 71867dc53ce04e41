"""Content at rest, sealed row by row: without its salt a row is noise, so to delete that is to shred."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from nacl.bindings import (
    crypto_secretbox,
    crypto_secretbox_NONCEBYTES,
    crypto_secretbox_open,
)
from nacl.exceptions import CryptoError

_SALT_BYTES: Final = 32
_NONCE: Final = bytes(crypto_secretbox_NONCEBYTES)  # a key seals one message, so its nonce may be fixed


class Unsealable(Exception):
    """The sealed bytes, their salt or the secret are not those that were used to seal."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """``salt`` makes the row's key, ``box`` is XSalsa20-Poly1305 of the content."""

    salt: bytes
    box: bytes


class Sealer:
    """Seals contents, each under a key of its own: HMAC-SHA256 of a fresh salt with the server's secret.

    The database alone opens nothing, and a row whose salt is gone can't be opened by anybody.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, content: bytes) -> Sealed:
        salt = secrets.token_bytes(_SALT_BYTES)
        return Sealed(salt, crypto_secretbox(content, _NONCE, self._key(salt)))

    def open(self, sealed: Sealed) -> bytes:
        """The content. Raises Unsealable."""
        try:
            return crypto_secretbox_open(sealed.box, _NONCE, self._key(sealed.salt))
        except CryptoError:
            raise Unsealable("a sealed content can't be opened with this server's secret") from None

    def _key(self, salt: bytes) -> bytes:
        return hmac.digest(self._secret, b"seal|" + salt, hashlib.sha256)
