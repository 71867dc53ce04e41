"""Addresses from an extended public key: children of a wallet whose private keys are elsewhere.

Source: BIP-32 (serialization, public parent key -> public child key), BIP-44 for the shape of paths.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, Self

from settlement.chain.keccak import keccak256

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_XPUB: Final = bytes.fromhex("0488b21e")
_XPRV: Final = bytes.fromhex("0488ade4")
_BYTES: Final = 78
_CHECKSUM: Final = 4
_HARDENED: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """A public key (33 bytes, compressed) with the chain code that its children come from."""

    point: bytes
    chain_code: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """An ``xpub...``. Raises ValueError, which says what is wrong and holds nothing of the text."""
        raw = _base58(text)
        body, checksum = raw[:-_CHECKSUM], raw[-_CHECKSUM:]
        if len(body) != _BYTES or _sha256(_sha256(body))[:_CHECKSUM] != checksum:
            raise ValueError("should be an extended public key (xpub...), whole: its checksum is wrong")
        if body.startswith(_XPRV):
            raise ValueError("is a private key: take it off this machine, and name its xpub instead")
        if not body.startswith(_XPUB):
            raise ValueError("should be an extended public key that begins with xpub")
        return cls(_on_curve(body[45:]), body[13:45])

    @classmethod
    def of_seed(cls, seed: bytes) -> Self:
        """The public half of the master key that a seed makes."""
        from coincurve import PrivateKey  # it is large, and many servers know no chain

        digest = hmac.digest(b"Bitcoin seed", seed, "sha512")
        return cls(PrivateKey(digest[:32]).public_key.format(), digest[32:])

    @property
    def name(self) -> str:
        """What tells it from others: 16 hex digits."""
        return hashlib.sha256(self.point + self.chain_code).hexdigest()[:16]

    def child(self, number: int) -> "ExtendedKey":
        """The child of a number below 2**31 (not hardened). Raises ValueError for others, and for the
        one in 2**127 that has no key."""
        from coincurve import PublicKey

        if not 0 <= number < _HARDENED:
            raise ValueError("a public key has children below 2**31 alone")
        digest = hmac.digest(self.chain_code, self.point + number.to_bytes(4, "big"), "sha512")
        point = PublicKey(self.point).add(digest[:32]).format()
        return ExtendedKey(point, digest[32:])

    def address(self, *path: int) -> str:
        """The ``0x`` address of a descendant, in lower case."""
        from coincurve import PublicKey

        found: ExtendedKey = reduce(ExtendedKey.child, path, self)
        return "0x" + keccak256(PublicKey(found.point).format(compressed=False)[1:])[-20:].hex()


def _base58(text: str) -> bytes:
    number = 0
    for char in text:
        digit = _ALPHABET.find(char)
        if digit < 0:
            raise ValueError("should be an extended public key (xpub...)")
        number = number * 58 + digit
    return number.to_bytes(max(_BYTES + _CHECKSUM, (number.bit_length() + 7) // 8), "big")


def _on_curve(point: bytes) -> bytes:
    from coincurve import PublicKey

    try:
        return PublicKey(point).format()
    except ValueError:
        raise ValueError("should be an extended public key: it names no point of the curve") from None


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
