"""Access tokens of payments: each opens what one payment bought, until it expires, and nothing else.

A token says what it opens, and a MAC of 256 bits under the pepper makes it good, so that nothing of it
is stored: no database gives one away, and a payment that is sent again is answered with the same one.
The MAC covers the serial of the wallet's own token: revoking that ends these too.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final, Self

from base.caller import Opened

OBJECT_PREFIX: Final = "batchin_object_"
_RUN: Final = "run_"
_RUN_BYTES: Final = 16
_TIME_BYTES: Final = 6
_MAC_BYTES: Final = 32
_HEAD_BYTES: Final = _RUN_BYTES + _TIME_BYTES


@dataclass(frozen=True, slots=True)
class ObjectToken:
    """``told`` is what the token says in bytes, ``mac`` what it shows for it."""

    opened: Opened
    expires_at_ms: int
    told: bytes
    mac: bytes

    @classmethod
    def read(cls, token: str) -> Self | None:
        """A token as it was sent, not yet found good; None for what is none."""
        try:
            raw = urlsafe_b64decode(token.removeprefix(OBJECT_PREFIX) + "==")
            told, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
            account_id = told[_HEAD_BYTES:].decode("ascii")
        except ValueError:
            return None
        run_id = _RUN + told[:_RUN_BYTES].hex()
        expires_at_ms = int.from_bytes(told[_RUN_BYTES:_HEAD_BYTES])
        return cls(Opened(account_id, run_id), expires_at_ms, told, mac)

    def is_good(self, pepper: bytes, serial: int) -> bool:
        """Whether the server made it, and the wallet's tokens were not revoked since."""
        return hmac.compare_digest(self.mac, _mac(pepper, serial, self.told))


def object_token(pepper: bytes, serial: int, opened: Opened, expires_at_ms: int) -> str:
    """The token of what a run made for a wallet. The same arguments give the same token."""
    run = bytes.fromhex(opened.run_id.removeprefix(_RUN))
    told = run + expires_at_ms.to_bytes(_TIME_BYTES) + opened.account_id.encode("ascii")
    sealed = urlsafe_b64encode(told + _mac(pepper, serial, told))
    return OBJECT_PREFIX + sealed.rstrip(b"=").decode()


def _mac(pepper: bytes, serial: int, told: bytes) -> bytes:
    return hmac.digest(pepper, b"object-token|%d|" % serial + told, "sha256")
