"""The frozen vectors of proofs: what is served is what they hold, and what they hold verifies."""

import json
from typing import Any

import pytest

from settlement.evidence.merkle import consistent, included, leaf_hash
from tests.unit.settlement.evidence.proof_vectors import LARGEST, PATH, entry, vectors

TREES: list[dict[str, Any]] = json.loads(PATH.read_bytes())["trees"]


def test_proofs_are_as_they_were() -> None:
    assert vectors()["trees"] == TREES
    assert {tree["size"] for tree in TREES} > set(range(LARGEST + 1))


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: str(tree["size"]))
def test_proofs_hold_and_nothing_else_does(tree: dict[str, Any]) -> None:
    size, root = tree["size"], bytes.fromhex(tree["root"])
    other = bytes(32)
    for case in tree["inclusion"]:
        leaf, path = leaf_hash(entry(case["index"])), [bytes.fromhex(item) for item in case["path"]]
        assert leaf.hex() == case["leaf"]
        assert included(leaf, case["index"], size, path, root)
        assert not included(leaf, case["index"], size, path, other)
        assert not included(leaf, case["index"], size, [*path, other], root)
        assert not included(other, case["index"], size, path, root)
    for case in tree["consistency"]:
        first, before = case["first"], bytes.fromhex(case["root"])
        path = [bytes.fromhex(item) for item in case["path"]]
        assert consistent(first, size, before, root, path)
        assert not consistent(first, size, other, root, path)
        assert not consistent(first, size, before, root, [*path, other])
