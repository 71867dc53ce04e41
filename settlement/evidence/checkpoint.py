"""Checkpoints of the log: C2SP tlog-checkpoint, a signed note (c2sp.org/signed-note) with Ed25519."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from base.signer import Signer
from base.signing import signature_holds
from settlement.evidence.merkle import HASH_BYTES

_ED25519: Final = b"\x01"
_KEY_BYTES: Final = 32
_MAX_NOTE: Final = 16_384
_NAME: Final = re.compile(r"[^\s+]{1,255}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_DASH: Final = "— "


class BadCheckpoint(ValueError):
    """A note that is no checkpoint; the message says why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A size and root of the log that ``origin`` names."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class LogKey:
    """The key of a log, by the name that stands on its signature lines."""

    name: str
    public_key: bytes

    @property
    def hash(self) -> bytes:
        """The 4 bytes that name the key on a signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]

    def verifier_key(self) -> str:
        """``name+hash+base64``, the form that verifiers of signed notes take."""
        key = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.hash.hex()}+{key}"


def log_key_from(text: object) -> LogKey | None:
    """The key behind ``verifier_key``'s spelling; None when it is spelled otherwise."""
    if not isinstance(text, str) or text.count("+") < 2:
        return None
    name, key_hash, encoded = text.split("+", 2)
    data = _base64(encoded)
    if _NAME.fullmatch(name) is None or data is None or len(data) != 1 + _KEY_BYTES:
        return None
    key = LogKey(name, data[1:])
    return key if data[:1] == _ED25519 and key.hash.hex() == key_hash else None


def signed_note(checkpoint: Checkpoint, signer: Signer) -> str:
    """The checkpoint under the log's signature; its key goes by the log's origin."""
    text = checkpoint.text()
    key = LogKey(checkpoint.origin, signer.public_key)
    signature = base64.b64encode(key.hash + signer.sign(text.encode())).decode()
    return f"{text}\n{_DASH}{key.name} {signature}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed checkpoint with the signatures it carries, as (key name, key hash, signature)."""

    checkpoint: Checkpoint
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, note: object) -> Self:
        """Read a note. Extension lines and signatures of other kinds (witnesses) are kept as they are.

        Raises BadCheckpoint.
        """
        if not isinstance(note, str) or len(note) > _MAX_NOTE or not note.endswith("\n"):
            raise BadCheckpoint("It is not the text of a signed note.")
        body, found, tail = note.rpartition("\n\n")
        if not found or not tail:
            raise BadCheckpoint("It has no signature.")
        text = body + "\n"
        lines = tail.removesuffix("\n").split("\n")
        return cls(_checkpoint(text), text, tuple(_signature(line) for line in lines))

    def signed_by(self, key: LogKey) -> bool:
        """Whether one of the signatures is the key's over this text."""
        message = self.text.encode("utf-8", "surrogatepass")
        return any(
            name == key.name and key_hash == key.hash and signature_holds(key.public_key, message, data)
            for name, key_hash, data in self.signatures
        )


def _checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 4:
        raise BadCheckpoint("It has fewer than three lines.")
    origin, size, encoded = lines[:3]
    root = _base64(encoded)
    if not origin or _SIZE.fullmatch(size) is None:
        raise BadCheckpoint("Its origin or its size is malformed.")
    if root is None or len(root) != HASH_BYTES:
        raise BadCheckpoint("Its root is not a base64 SHA-256.")
    return Checkpoint(origin, int(size), root)


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    data = _base64(encoded)
    if not line.startswith(_DASH) or _NAME.fullmatch(name) is None or data is None or len(data) < 5:
        raise BadCheckpoint("A signature line is malformed.")
    return name, data[:4], data[4:]


def _base64(text: str) -> bytes | None:
    """Strict: what the encoding of the bytes would give back."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if base64.b64encode(data).decode() == text else None
