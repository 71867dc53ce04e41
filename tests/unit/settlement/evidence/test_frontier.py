"""The root of a growing tree is that of RFC 9162 over all its leaves."""

import pytest

from settlement.evidence.frontier import Frontier
from settlement.evidence.merkle import leaf_hash, node_hash, root


@pytest.mark.parametrize("size", [*range(40), 64, 100, 257])
def test_it_equals_the_tree_over_all_leaves(size: int) -> None:
    entries = [number.to_bytes(32) for number in range(size)]
    frontier = Frontier()
    for entry in entries:
        frontier.add(entry)

    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaf_hash(entries[index])
        return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    assert frontier.root() == root(size, node)
