"""The key ring: the receipt key in use, and every earlier one with the time of its validity.

Files of the folder: ``receipt.key`` is the private key in use, ``receipt.<key id>.key`` the private keys
of before (they sign only receipts of records that they signed), ``receipt.history.json`` who was valid
when. The history is written after the key, and mended at opening, so a crash between them loses nothing.
``receipt.outside`` stands there while the key in use is no file: in a variable, or with a service.
"""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import orjson

from base.clock import Clock
from base.secret_file import KeyFileError
from base.signer import Signer
from base.signers import OutsideKeys
from base.signing import file_signer, key_id_of
from settlement.evidence.spelling import VERIFICATION_METHOD, public_key_text
from settlement.evidence.trust import TrustedKey

_CURRENT: Final = "receipt.key"
_HISTORY: Final = "receipt.history.json"
_OUTSIDE: Final = "receipt.outside"


@dataclass(frozen=True, slots=True)
class CurrentKey:
    """The key that signs now, and since when."""

    signer: Signer
    not_before_ms: int

    @property
    def key_id(self) -> str:
        return self.signer.key_id

    @property
    def public_key(self) -> bytes:
        return self.signer.public_key


class KeyRing:
    """The keys of one folder. ``open``, ``prepare``, ``save`` and ``rotate`` touch the disk.

    A server rotates under load in three steps: ``prepare`` and ``save`` in a thread, and between them
    ``adopt`` where records are signed, so that no record falls between two keys. The new key is on the
    disk, and in the history, before it signs anything; until the switch both are in use.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        history: Sequence[TrustedKey],
        outside: OutsideKeys | None,
    ) -> None:
        """Use ``open``."""
        self._outside = outside
        self._folder = folder
        self._clock = clock
        self._history = tuple(history)
        self._signers: dict[str, Signer] = {}
        self._current = self._take()

    @classmethod
    def open(cls, folder: Path, clock: Clock, outside: OutsideKeys | None = None) -> Self:
        """The ring of a folder; the first key is made at first use. ``outside`` is the key in use where
        that is no file. Raises KeyFileError, for a key in use that was ended before too."""
        return cls(folder, clock, _read_history(folder / _HISTORY), outside)

    @property
    def ours(self) -> bool:
        """Whether the key in use is a file of the folder, which alone can be rotated here."""
        return self._outside is None

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def current(self) -> CurrentKey:
        return self._current

    @property
    def history(self) -> Sequence[TrustedKey]:
        """Every key there was, oldest first; the last is the one in use."""
        return self._history

    def signer_of(self, key_id: str) -> Signer:
        """The private key of an earlier record. Raises KeyFileError when it is gone."""
        signer = self._signers.get(key_id)
        if signer is not None:
            return signer
        path = self._folder / f"receipt.{key_id}.key"
        if path.exists():
            return self._signers.setdefault(key_id, file_signer(path))
        known = next((key for key in self._history if key_id_of(key.public_key) == key_id), None)
        earlier = self._outside.earlier(known.public_key) if self._outside and known else None
        if earlier is None:
            raise KeyFileError(f"The key file {path} is missing: restore it from a backup.")
        return self._signers.setdefault(key_id, earlier)

    def rotate(self) -> CurrentKey:
        """Make a new key and sign with it from now on, where nobody else does. Raises KeyFileError."""
        current = self.adopt(self.prepare())
        self.save()
        return current

    def prepare(self) -> CurrentKey:
        """Make a new key that is known from now on and signs nothing yet. Raises KeyFileError."""
        path = self._folder / _CURRENT
        retired = self._folder / f"receipt.{self._current.key_id}.key"
        draft = self._folder / f".{_CURRENT}.{secrets.token_hex(8)}"
        file_signer(draft)
        try:
            if not retired.exists():
                os.link(path, retired)
            draft.replace(path)
            _sync(self._folder)
        except OSError as error:
            raise KeyFileError(f"The key file {path} can't be replaced: {error.strerror}.") from error
        signer = file_signer(path)
        since_ms = max(self._clock.now_ms(), self._history[-1].not_before_ms)
        self._write((*self._history, TrustedKey(signer.public_key, since_ms, None)))
        return CurrentKey(signer, since_ms)

    def adopt(self, prepared: CurrentKey) -> CurrentKey:
        """Sign with a prepared key from now on; the one before it ends."""
        until_ms = max(self._clock.now_ms(), prepared.not_before_ms)
        before = (key.ended(until_ms) for key in self._history)
        self._history = (*before, TrustedKey(prepared.public_key, prepared.not_before_ms, None))
        self._signers[prepared.key_id] = prepared.signer
        self._current = prepared
        return prepared

    def save(self) -> None:
        """Write when the keys were in use. Raises KeyFileError."""
        self._write(self._history)

    def revoke(self, key_id: str, at_ms: int, size: int) -> TrustedKey:
        """Let a key that is no longer in use count for the first ``size`` records of the log alone, and
        for none after ``at_ms``. ``save`` it. Raises LookupError for an unknown key, ValueError for the
        one in use."""
        if key_id == self._current.key_id:
            raise ValueError("the key in use is rotated out before it is revoked")
        known = next((key for key in self._history if key_id_of(key.public_key) == key_id), None)
        if known is None:
            raise LookupError(key_id)
        revoked = known.revoked(at_ms, size)
        self._history = tuple(revoked if key is known else key for key in self._history)
        return revoked

    def find(self, key_id: str) -> dict[str, Any] | None:
        """One key as ``document`` shows it."""
        shown = (_shown(key) for key in self._history)
        return next((key for key in shown if key["key_id"] == key_id), None)

    def document(self) -> dict[str, Any]:
        """The current key and the history, as ``GET /v1/vaas/pubkey/current`` shows them."""
        return {
            "verify_key_hex": self._current.public_key.hex(),
            "key_id": self._current.key_id,
            "public_key": public_key_text(self._current.public_key),
            "verification_method": VERIFICATION_METHOD,
            "not_before_ms": self._current.not_before_ms,
            "keys": [_shown(key) for key in self._history],
        }

    def _take(self) -> CurrentKey:
        """Read the key in use and bring the history up to it."""
        path = self._folder / _CURRENT
        signer = self._moved_out(path) if self._outside else self._moved_in(path)
        self._signers[signer.key_id] = signer
        known = self._history[-1] if self._history else None
        if any(key.public_key == signer.public_key for key in self._history[:-1]):
            raise KeyFileError(
                f"The key {signer.key_id} of records was in use before and has ended: use a new one."
            )
        if known is None or known.public_key != signer.public_key:
            now_ms = self._clock.now_ms()
            made_ms = path.stat().st_mtime_ns // 1_000_000 if self._outside is None else now_ms
            since_ms = max(now_ms, known.not_before_ms) if known else min(now_ms, made_ms)
            self._history = (
                *(key.ended(since_ms) for key in self._history),
                TrustedKey(signer.public_key, since_ms, None),
            )
            self._write(self._history)
        elif any(key.not_after_ms is None for key in self._history[:-1]):
            *before, last = self._history  # it died between the switch and the end of the old key
            until_ms = max(self._clock.now_ms(), last.not_before_ms)
            self._history = (*(key.ended(until_ms) for key in before), last)
            self._write(self._history)
        return CurrentKey(signer, self._history[-1].not_before_ms)

    def _moved_in(self, path: Path) -> Signer:
        """The key of the file; from here on it is in use again, where it was not."""
        (self._folder / _OUTSIDE).unlink(missing_ok=True)
        return file_signer(path)

    def _moved_out(self, path: Path) -> Signer:
        """The key outside. A file that was in use before signs no more than receipts of its records."""
        assert self._outside is not None
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            path.replace(self._folder / f"receipt.{file_signer(path).key_id}.key")
            _sync(self._folder)
        _write(self._folder / _OUTSIDE, self._outside.current.key_id.encode())
        return self._outside.current

    def _write(self, history: Sequence[TrustedKey]) -> None:
        _write(self._folder / _HISTORY, orjson.dumps([_shown(key) for key in history]))


def own_ring(folder: Path, clock: Clock) -> KeyRing:
    """The ring of a folder for who does not know the server's settings. Raises KeyFileError, where the
    key in use is outside too."""
    if (folder / _OUTSIDE).exists():
        raise KeyFileError(
            f"The key of records is not in {folder}: record_signer names where it is. Start the server, "
            "and ask again."
        )
    return KeyRing.open(folder, clock)


def _shown(key: TrustedKey) -> dict[str, Any]:
    return {
        "key_id": key_id_of(key.public_key),
        "public_key": public_key_text(key.public_key),
        "verify_key_hex": key.public_key.hex(),
        "not_before_ms": key.not_before_ms,
        "not_after_ms": key.not_after_ms,
        "revoked_log_size": key.revoked_size,
    }


def _read_history(path: Path) -> list[TrustedKey]:
    if not path.exists():
        return []
    try:
        items: list[Mapping[str, Any]] = orjson.loads(path.read_bytes())
        return [
            TrustedKey(
                bytes.fromhex(item["verify_key_hex"]),
                int(item["not_before_ms"]),
                None if item["not_after_ms"] is None else int(item["not_after_ms"]),
                item.get("revoked_log_size"),
            )
            for item in items
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeyFileError(
            f"The key history {path} can't be read ({error}): restore it from a backup."
        ) from error


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise KeyFileError(f"The key history {path} can't be written: {error.strerror}.") from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
