"""Finds names that occur twice among millions, in memory that does not grow with them."""

import hashlib
from typing import Final

_PROBES: Final = 4
_BITS_EACH: Final = 32
_LEAST_BITS: Final = 1 << 16


class Seen:
    """A Bloom filter (Bloom 1970) sized for ``expected`` names: ``add`` tells whether a name may have
    been added before. It never misses one; one name in 5,000 is suspected wrongly."""

    def __init__(self, expected: int) -> None:
        self._bits = max(_LEAST_BITS, expected * _BITS_EACH)
        self._map = bytearray(self._bits // 8 + 1)

    def add(self, name: str) -> bool:
        digest = digest_of(name)
        known = True
        for start in range(0, _PROBES * 8, 8):
            bit = int.from_bytes(digest[start : start + 8]) % self._bits
            mask = 1 << (bit & 7)
            known = known and bool(self._map[bit >> 3] & mask)
            self._map[bit >> 3] |= mask
        return known


def digest_of(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()


class Twice:
    """Tells the second of two equal names, given the digests of those that ``Seen`` suspected."""

    def __init__(self, suspected: set[bytes]) -> None:
        self._suspected = suspected
        self._met: set[bytes] = set()

    def again(self, name: str) -> bool:
        if not self._suspected:
            return False
        digest = digest_of(name)
        if digest not in self._suspected:
            return False
        if digest in self._met:
            return True
        self._met.add(digest)
        return False
