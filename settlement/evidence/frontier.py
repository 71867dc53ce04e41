"""The root of a Merkle tree (RFC 9162 section 2.1) whose leaves come one after the other, in a memory of
one hash a level."""

from collections.abc import Sequence

from settlement.evidence.merkle import EMPTY_ROOT, leaf_hash, node_hash


class Frontier:
    """Holds the roots of the complete subtrees to the left of the next leaf, the largest first."""

    def __init__(self, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        """An empty one, or one that was kept: its ``size`` and ``roots``."""
        self._roots = list(roots)
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    @property
    def roots(self) -> Sequence[bytes]:
        return tuple(self._roots)

    def add(self, entry: bytes) -> None:
        """Add an entry (here: the SHA-256 of a record's payload)."""
        node, size = leaf_hash(entry), self._size
        while size & 1:
            node = node_hash(self._roots.pop(), node)
            size >>= 1
        self._roots.append(node)
        self._size += 1

    def root(self) -> bytes:
        if not self._roots:
            return EMPTY_ROOT
        node = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            node = node_hash(left, node)
        return node
