"""RFC 9162 trees: known roots, and every proof of small trees against the definition itself."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.evidence import merkle
from settlement.evidence.tiles import edge, grown, node_of

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "merkle.json").read_text())
LARGEST = 70


def mth(leaves: list[bytes]) -> bytes:
    """Section 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """Section 2.1.3.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], b: bool) -> list[bytes]:
    """Section 2.1.4.1, word for word."""
    n = len(leaves)
    if m == n:
        return [] if b else [mth(leaves)]
    k = 1
    while 2 * k < n:
        k *= 2
    if m <= k:
        return [*subproof(m, leaves[:k], b), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(n.to_bytes(4, "big")) for n in range(count)]


def test_known_roots() -> None:
    hashes = [merkle.leaf_hash(bytes.fromhex(item)) for item in VECTORS["entries"]]
    for size, root in enumerate(VECTORS["roots"]):
        assert merkle.root(size, node_of(grown(0, {}, hashes[:size]))).hex() == root


@pytest.mark.parametrize("size", range(LARGEST + 1))
def test_roots_and_inclusion_proofs_are_those_of_the_definition(size: int) -> None:
    hashes = leaves(size)
    node = node_of(grown(0, {}, hashes))
    root = merkle.root(size, node)
    assert root == mth(hashes)
    for index in range(size):
        proof = merkle.inclusion(index, size, node)
        assert proof == path(index, hashes)
        assert merkle.included(hashes[index], index, size, proof, root)
        assert not merkle.included(hashes[index], index + 1, size, proof, root)
        assert not merkle.included(hashes[index], index, size, [*proof, root], root)
        assert not merkle.included(hashes[index], index, size, proof[:-1], root) or not proof
        assert not merkle.included(hashes[index - 1], index, size, proof, root) or size == 1


def test_consistency_proofs_are_those_of_the_definition() -> None:
    hashes = leaves(LARGEST)
    node = node_of(grown(0, {}, hashes))
    roots = [mth(hashes[:size]) for size in range(LARGEST + 1)]
    for second in range(LARGEST + 1):
        for first in range(second + 1):
            proof = merkle.consistency(first, second, node)
            assert proof == (subproof(first, hashes[:second], True) if first else [])
            assert merkle.consistent(first, second, roots[first], roots[second], proof)
            if first not in (0, second):
                assert not merkle.consistent(first, second, roots[first - 1], roots[second], proof)
                assert not merkle.consistent(first, second, roots[first], roots[second - 1], proof)
                assert not merkle.consistent(first, second, roots[first], roots[second], proof[:-1])
                assert not merkle.consistent(first, second, roots[first], roots[second], [*proof, b""])


def test_nothing_proves_a_smaller_or_a_rewritten_tree() -> None:
    hashes = leaves(40)
    other = [*hashes[:20], merkle.leaf_hash(b"rewritten"), *hashes[21:]]
    proof = merkle.consistency(30, 40, node_of(grown(0, {}, other)))
    assert not merkle.consistent(30, 40, mth(hashes[:30]), mth(other), proof)
    assert not merkle.consistent(40, 30, mth(hashes), mth(hashes[:30]), [])
    assert not merkle.consistent(30, 30, mth(hashes[:30]), mth(other[:30]), [])
    assert not merkle.consistent(0, 0, mth([]), mth(hashes), [])


@given(parts=st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_a_tree_that_grows_in_parts_is_the_tree_that_grew_at_once(parts: list[int]) -> None:
    hashes = leaves(sum(parts))
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for part in parts:
        before = {tile: tiles[tile] for tile in edge(size)}
        tiles |= grown(size, before, hashes[size : size + part])
        size += part
    assert tiles == grown(0, {}, hashes)
    assert merkle.root(size, node_of(tiles)) == mth(hashes)


def test_a_tall_tree_is_tiled_too() -> None:
    size = 70_000
    hashes = leaves(size)
    tiles = grown(0, {}, hashes)
    node = node_of(tiles)
    root = mth(hashes)
    assert {level for level, _ in tiles} == {0, 1, 2}
    assert merkle.root(size, node) == root
    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        proof = merkle.inclusion(index, size, node)
        assert merkle.included(hashes[index], index, size, proof, root)
    proof = merkle.consistency(65_537, size, node)
    assert merkle.consistent(65_537, size, mth(hashes[:65_537]), root, proof)
