"""Content at rest, sealed row by row: without its salt a row is noise, so to delete that is to shred."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from nacl.bindings import (
    crypto_secretbox,
    crypto_secretbox_NONCEBYTES,
    crypto_secretbox_open,
)
from nacl.exceptions import CryptoError

PIECE_BYTES: Final = 65_536
SEAL_BYTES: Final = 16
"""How much longer a piece is when it is sealed."""

_SALT_BYTES: Final = 32
_NONCE: Final = bytes(crypto_secretbox_NONCEBYTES)  # a key seals one message, so its nonce may be fixed


class Unsealable(Exception):
    """The sealed bytes, their salt or the secret are not those that were used to seal."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """``salt`` makes the row's key, ``box`` is XSalsa20-Poly1305 of the content."""

    salt: bytes
    box: bytes


def new_salt() -> bytes:
    return secrets.token_bytes(_SALT_BYTES)


@dataclass(frozen=True, slots=True)
class Pieces:
    """A content in pieces of ``PIECE_BYTES``, the last one shorter and marked (the STREAM construction:
    Hoang, Reyhanitabar, Rogaway, Vizar 2015), so that none can be moved, left out or cut off."""

    key: bytes = field(repr=False)

    def seal(self, number: int, piece: bytes, *, last: bool) -> bytes:
        return crypto_secretbox(piece, _nonce(number, last=last), self.key)

    def open(self, number: int, box: bytes, *, last: bool) -> bytes:
        """Raises Unsealable."""
        try:
            return crypto_secretbox_open(box, _nonce(number, last=last), self.key)
        except (CryptoError, ValueError):
            raise Unsealable("a piece of a sealed content can't be opened") from None


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(8) + bytes([last]) + bytes(crypto_secretbox_NONCEBYTES - 9)


class Sealer:
    """Seals contents, each under a key of its own: HMAC-SHA256 of a fresh salt with the server's secret.

    The database alone opens nothing, and a row whose salt is gone can't be opened by anybody.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, content: bytes) -> Sealed:
        salt = new_salt()
        return Sealed(salt, crypto_secretbox(content, _NONCE, self._key(salt)))

    def open(self, sealed: Sealed) -> bytes:
        """The content. Raises Unsealable."""
        try:
            return crypto_secretbox_open(sealed.box, _NONCE, self._key(sealed.salt))
        except CryptoError:
            raise Unsealable("a sealed content can't be opened with this server's secret") from None

    def pieces(self, salt: bytes) -> "Pieces":
        """Seals and opens a long content piece by piece, under the key of ``salt``."""
        return Pieces(hmac.digest(self._secret, b"pieces|" + salt, hashlib.sha256))

    def derived(self, purpose: bytes) -> bytes:
        """32 secret bytes for another purpose; those of one tell nothing about another's."""
        return hmac.digest(self._secret, b"derived|" + purpose, hashlib.sha256)

    def _key(self, salt: bytes) -> bytes:
        return hmac.digest(self._secret, b"seal|" + salt, hashlib.sha256)
