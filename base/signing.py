"""Ed25519 (RFC 8032) with libsodium: a signer whose key lives in a file, and the check of signatures."""

import hashlib
from pathlib import Path

from nacl.bindings import (
    crypto_sign,
    crypto_sign_BYTES,
    crypto_sign_open,
    crypto_sign_PUBLICKEYBYTES,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import CryptoError

from base.secret_file import file_secret


class SeedSigner:
    """Signs with a private key held in memory. ``seed`` is the 32-byte private key of RFC 8032."""

    __slots__ = ("_secret_key", "key_id", "public_key")

    def __init__(self, seed: bytes) -> None:
        self.public_key, self._secret_key = crypto_sign_seed_keypair(seed)
        self.key_id = key_id_of(self.public_key)

    def sign(self, message: bytes) -> bytes:
        return crypto_sign(message, self._secret_key)[:crypto_sign_BYTES]

    async def signed(self, message: bytes) -> bytes:
        return self.sign(message)


def file_signer(path: Path) -> SeedSigner:
    """The signer of a key file, made at first use. Raises KeyFileError (base.secret_file)."""
    return SeedSigner(file_secret(path))


def key_id_of(public_key: bytes) -> str:
    """The first 8 hex digits of SHA-256(public key)."""
    return hashlib.sha256(public_key).hexdigest()[:8]


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is the key's signature of the message (strict: RFC 8032 5.1.7)."""
    if len(public_key) != crypto_sign_PUBLICKEYBYTES or len(signature) != crypto_sign_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except CryptoError:
        return False
    return True
