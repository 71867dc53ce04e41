"""A Merkle path on its own: does it lead from a leaf to a root?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from base.errors import InvalidRequest
from settlement.evidence.merkle import included, node_hash
from settlement.evidence.verdict import Findings

MAX_SEARCHED: Final = 12  # 2^12 ways to place the siblings, some milliseconds
Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Sibling:
    """A node beside the path; ``side`` is where it stands, None where the place of the leaf says it."""

    hash: bytes
    side: Side | None = None


def path_verdict(
    leaf: bytes, path: Sequence[Sibling], root: bytes, index: int | None, size: int | None
) -> dict[str, Any]:
    """``{valid, checks}``. With ``index`` and ``size`` the leaf is proved to stand there (RFC 9162
    2.1.3.2); siblings with sides are walked as they say; else it is searched for any place that fits.

    Raises InvalidRequest for a path that is too long for that, and for half a place.
    """
    if (index is None) != (size is None):
        raise InvalidRequest("leaf_index and tree_size go together.", param="leaf_index")
    findings = Findings()
    problem = "The proof does not lead from the leaf to the root."
    if index is not None and size is not None:
        holds = included(leaf, index, size, [sibling.hash for sibling in path], root)
        findings.add("inclusion", "" if holds else problem)
    else:
        findings.add("path", "" if root in _reached(leaf, path) else problem)
        findings.skip("position", "leaf_index and tree_size were not given.", needed=False)
    shown = findings.verdict("").document()["checks"]
    return {"valid": shown[0]["valid"], "checks": shown}


def _reached(leaf: bytes, path: Sequence[Sibling]) -> set[bytes]:
    """Every root that the path can lead to."""
    if sum(sibling.side is None for sibling in path) > MAX_SEARCHED:
        raise InvalidRequest(
            f"A proof of more than {MAX_SEARCHED} hashes needs the place of its leaf.",
            param="leaf_index",
            resolution="Send leaf_index and tree_size as the inclusion proof names them.",
        )
    at = {leaf}
    for sibling in path:
        left = {node_hash(sibling.hash, node) for node in at} if sibling.side != "right" else set()
        right = {node_hash(node, sibling.hash) for node in at} if sibling.side != "left" else set()
        at = left | right
    return at
