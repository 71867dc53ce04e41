"""Salted hashes, where a key asks for them: nobody who reads a record can guess a short text.

Records are public. Whoever thinks that a request was ``yes`` can hash that and look; behind a salt that
only the caller holds he can't, and the caller shows the salt to whom he wants to prove something.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

SALTED: Final = "salted"
PLAIN: Final = "plain"
MEMBER: Final = "hashes"
"""The member of a payload that says SALTED; records of plain hashes have none."""
_SALT: Final = re.compile(r"[0-9a-f]{64}")


class Part(StrEnum):
    """What is hashed. It goes into the hash, so that an answer that repeats its request is not seen."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Salts:
    """Makes the 32-byte salt of each run from one secret, so that it can be told again."""

    secret: bytes = field(repr=False)

    def of(self, run_id: str) -> bytes:
        return hmac.digest(self.secret, run_id.encode(), "sha256")

    def told(self, evidence: Mapping[str, Any]) -> str:
        """The salt of a record in wire form, as hex for its caller; "" where its hashes are plain."""
        return self.of(evidence["run_id"]).hex() if is_salted(evidence["payload"]) else ""


def is_salted(payload: Mapping[str, Any]) -> bool:
    return payload.get(MEMBER) == SALTED


def salted(part: Part, plain: str, salt: bytes) -> str:
    """``sha256:<hex>`` of the salt, the part's name in ASCII and the 32 bytes of the plain hash, one
    after the other. ``plain`` is ``sha256:<hex>``."""
    digest = bytes.fromhex(plain.removeprefix("sha256:"))
    return "sha256:" + hashlib.sha256(salt + part.value.encode() + digest).hexdigest()


def salt_from(text: object) -> bytes | None:
    """The salt behind its spelling: 64 hex digits in lower case. None when it is spelled otherwise."""
    if not isinstance(text, str) or _SALT.fullmatch(text) is None:
        return None
    return bytes.fromhex(text)
