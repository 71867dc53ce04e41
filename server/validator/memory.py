"""What a validator keeps between rounds: the log as it knows it, and the calls it made."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import orjson

from settlement.evidence.frontier import Frontier


@dataclass
class Memory:
    """``log_key`` is the verifier key that was pinned or seen first; ``frontier`` holds every entry that
    was read and proved; ``probes`` are calls of our own, ``{record_id, request, response}``, not judged
    yet; ``looked`` is how many requests were looked at since the process began."""

    path: Path
    log_key: str = ""
    frontier: Frontier = field(default_factory=Frontier)
    probes: list[dict[str, Any]] = field(default_factory=list)
    looked: int = 0

    @classmethod
    def read(cls, path: Path) -> Self:
        """The memory of a file; an empty one where there is none."""
        if not path.exists():
            return cls(path)
        kept = orjson.loads(path.read_bytes())
        roots = [bytes.fromhex(root) for root in kept["roots"]]
        return cls(path, kept["log_key"], Frontier(kept["size"], roots), kept["probes"])

    def save(self) -> None:
        """Whole or not at all."""
        kept = {
            "log_key": self.log_key,
            "size": self.frontier.size,
            "roots": [root.hex() for root in self.frontier.roots],
            "probes": self.probes,
        }
        write_whole(self.path, orjson.dumps(kept))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
