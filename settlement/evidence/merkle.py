"""Merkle trees of RFC 9162 section 2.1: hashes, proofs, and their verification. Pure.

A tree is read through ``node(level, index)``, the hash of the complete subtree over the leaves
``[index * 2^level, (index + 1) * 2^level)``: a proof needs O(log n) of them.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

Node = Callable[[int, int], bytes]

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(size: int, node: Node) -> bytes:
    """MTH of the first ``size`` leaves (2.1.1)."""
    return _range(0, size, node) if size else EMPTY_ROOT


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """PATH(index, D_size) (2.1.3.1), for 0 <= index < size."""
    return _path(index, 0, size, node)


def consistency(first: int, second: int, node: Node) -> list[bytes]:
    """PROOF(first, D_second) (2.1.4.1), for 0 <= first <= second; empty where nothing needs proof."""
    return _subproof(first, 0, second, node, known=True) if first else []


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], tree_root: bytes) -> bool:
    """Whether the path proves that the leaf is number ``index`` of the tree (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, computed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            computed = node_hash(sibling, computed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and computed == tree_root


def consistent(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the tree of ``second`` leaves only adds to that of ``first`` (2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if first == 0:
        return not proof and first_root == EMPTY_ROOT and (second > 0 or second_root == EMPTY_ROOT)
    if first == second:
        return not proof and first_root == second_root
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _range(low: int, high: int, node: Node) -> bytes:
    """MTH of leaves [low, high), where ``low`` is a multiple of the power of two that covers them."""
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, low >> level)
    middle = low + _split(count)
    return node_hash(_range(low, middle, node), _range(middle, high, node))


def _split(count: int) -> int:
    """The largest power of two smaller than ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _path(index: int, low: int, high: int, node: Node) -> list[bytes]:
    if high - low == 1:
        return []
    middle = low + _split(high - low)
    if index < middle:
        return [*_path(index, low, middle, node), _range(middle, high, node)]
    return [*_path(index, middle, high, node), _range(low, middle, node)]


def _subproof(first: int, low: int, high: int, node: Node, known: bool) -> list[bytes]:
    """``known``: the verifier has the hash of this very subtree, as the root it starts from."""
    if first == high:
        return [] if known else [_range(low, high, node)]
    middle = low + _split(high - low)
    if first <= middle:
        return [*_subproof(first, low, middle, node, known), _range(middle, high, node)]
    return [*_subproof(first, middle, high, node, known=False), _range(low, middle, node)]
