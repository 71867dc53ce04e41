"""Ed25519 (RFC 8032) with libsodium: a signer whose key lives in a file, and the check of signatures."""

import hashlib
import os
import secrets
import stat
from pathlib import Path

from nacl.bindings import (
    crypto_sign,
    crypto_sign_BYTES,
    crypto_sign_open,
    crypto_sign_PUBLICKEYBYTES,
    crypto_sign_seed_keypair,
    crypto_sign_SEEDBYTES,
)
from nacl.exceptions import CryptoError


class KeyFileError(Exception):
    """A key file that can't be used; the message names the file and what to do."""


class SeedSigner:
    """Signs with a private key held in memory. ``seed`` is the 32-byte private key of RFC 8032."""

    __slots__ = ("_key_id", "_public_key", "_secret_key")

    def __init__(self, seed: bytes) -> None:
        self._public_key, self._secret_key = crypto_sign_seed_keypair(seed)
        self._key_id = key_id_of(self._public_key)

    @property
    def key_id(self) -> str:
        return self._key_id

    @property
    def public_key(self) -> bytes:
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        return crypto_sign(message, self._secret_key)[:crypto_sign_BYTES]


def file_signer(path: Path) -> SeedSigner:
    """The signer of a key file: 64 hex digits, mode 0600, made at first use.

    A file appears whole or not at all, and of several processes that start at once one makes the key and
    all use it. Raises KeyFileError when the file can't be made or read, is not a key, or others may read it.
    """
    try:
        if not path.exists():
            _create(path)
        return SeedSigner(_read(path))
    except OSError as error:
        raise KeyFileError(f"The key file {path} can't be used: {error.strerror}.") from error


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


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(crypto_sign_SEEDBYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path)
    finally:
        draft.unlink()


def _publish(draft: Path, path: Path) -> None:
    """A link never replaces: who comes second finds the first one's key."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        text = file.read(2 * crypto_sign_SEEDBYTES + 2).strip()
    if mode & 0o077:
        raise KeyFileError(
            f"The key file {path} may be read by others (mode {mode:04o}): run chmod 600 {path}."
        )
    try:
        seed = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        seed = b""
    if len(seed) != crypto_sign_SEEDBYTES:
        raise KeyFileError(
            f"The key file {path} should hold {2 * crypto_sign_SEEDBYTES} hex digits: restore it from a "
            "backup, or move it away to start with a new key."
        )
    return seed
