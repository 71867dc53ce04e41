"""One thing that the doctor looked at."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """SKIPPED: it could not be looked at, for a reason that is no trouble by itself."""

    OK = "ok"
    TROUBLE = "trouble"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` was claimed, and what was ``seen``."""

    what: str
    state: State
    seen: str

    @property
    def is_trouble(self) -> bool:
        return self.state is State.TROUBLE

    @property
    def is_skipped(self) -> bool:
        return self.state is State.SKIPPED

    def document(self) -> dict[str, Any]:
        return {"what": self.what, "state": self.state.value, "seen": self.seen}


def found(what: str, held: bool, seen: str) -> Finding:
    return Finding(what, State.OK if held else State.TROUBLE, seen)


def skipped(what: str, why: str) -> Finding:
    return Finding(what, State.SKIPPED, why)
