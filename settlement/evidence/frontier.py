"""The root of a Merkle tree (RFC 9162 section 2.1) whose leaves come one after the other, in a memory of
one hash a level."""

from settlement.evidence.merkle import EMPTY_ROOT, leaf_hash, node_hash


class Frontier:
    """Holds the roots of the complete subtrees to the left of the next leaf, the largest first."""

    def __init__(self) -> None:
        self._roots: list[bytes] = []
        self._size = 0

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
