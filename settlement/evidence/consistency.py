"""What a log says now against a checkpoint that a verifier kept: it may have grown, and nothing else.

Two signed checkpoints of one log that no consistency proof (RFC 9162 section 2.1.4) connects prove that
it was forked, rolled back, reordered or cut.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from settlement.evidence.checkpoint import Checkpoint, Note
from settlement.evidence.merkle import consistent
from settlement.evidence.spelling import hash_from
from settlement.evidence.trust import Trust

_MOST: Final = 128
_FORKED: Final = (
    "Two checkpoints of this log with {size} records have different roots: it was forked or rewritten."
)
_REWRITTEN: Final = (
    "The proof does not lead from the {first} records of one checkpoint to the {second} of the other: "
    "the log was forked or rewritten."
)


class UnreadableGrowth(ValueError):
    """No consistency proof can be read from the data."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A proof that a tree of ``second`` leaves only adds to that of ``first``."""

    first: int
    second: int
    proof: tuple[bytes, ...]

    @classmethod
    def parse(cls, document: Any) -> Self:
        """An answer of ``GET /v1/audit/log/consistency``. Raises UnreadableGrowth."""
        if not isinstance(document, Mapping):
            raise UnreadableGrowth("It is not a JSON object.")
        first, second, proof = (document.get(name) for name in ("first", "second", "proof"))
        if type(first) is not int or type(second) is not int:
            raise UnreadableGrowth("first and second should be integers.")
        if not isinstance(proof, Sequence) or isinstance(proof, str) or len(proof) > _MOST:
            raise UnreadableGrowth(f"proof should be a list of at most {_MOST} hashes.")
        path = [hash_from(f"sha256:{item}") for item in proof]
        if not all(path):
            raise UnreadableGrowth("proof should hold hashes of 64 hex digits.")
        return cls(first, second, tuple(item for item in path if item))


def growth_problem(kept: Checkpoint, seen: Checkpoint, growths: Iterable[Growth]) -> str | None:
    """What is wrong; "" where the larger tree only adds to the smaller, whichever was kept; None where
    that is not known for want of a proof."""
    if kept.size == seen.size:
        return "" if kept.root == seen.root else _FORKED.format(size=kept.size)
    small, large = (kept, seen) if kept.size < seen.size else (seen, kept)
    fitting = [one.proof for one in growths if (one.first, one.second) == (small.size, large.size)]
    if not fitting:
        return None
    proved = any(consistent(small.size, large.size, small.root, large.root, path) for path in fitting)
    return "" if proved else _REWRITTEN.format(first=small.size, second=large.size)


def believed(note: Note, trust: Trust) -> bool:
    """Whether a trusted key of the log that the note names signed it."""
    return any(key.name == note.checkpoint.origin and note.signed_by(key) for key in trust.log_keys)
