"""A random secret that lives in a file of its own, which only its owner may read."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

SECRET_BYTES: Final = 32


class KeyFileError(Exception):
    """A key file that can't be used; the message names the file and what to do."""


def file_secret(path: Path) -> bytes:
    """The 32 bytes of a key file: 64 hex digits, mode 0600, made at first use.

    A file appears whole or not at all, and of several processes that start at once one makes the key and
    all use it. Raises KeyFileError when the file can't be made or read, is not a key, or others may read
    it.
    """
    try:
        if not path.exists():
            _create(path)
        return _read(path)
    except OSError as error:
        raise KeyFileError(f"The key file {path} can't be used: {error.strerror}.") from error


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
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
        text = file.read(2 * SECRET_BYTES + 2).strip()
    if mode & 0o077:
        raise KeyFileError(
            f"The key file {path} may be read by others (mode {mode:04o}): run chmod 600 {path}."
        )
    try:
        secret = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise KeyFileError(
            f"The key file {path} should hold {2 * SECRET_BYTES} hex digits: restore it from a "
            "backup, or move it away to start with a new key."
        )
    return secret
