"""The rows in memory: what is known of the database, newest first."""

from collections.abc import Container, Mapping
from enum import Enum
from typing import Final, Literal

from storage.op import Key
from storage.schema import Values


class Unknown(Enum):
    """Says that a row is not in memory, whether it exists or not."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
Known = Values | None
"""A row, or None where it is known that there is none."""


class WorkingSet:
    """Rows of commits that are not durable yet (never dropped), and rows as they are on the disk.

    The clean rows live in two generations: a row that is looked up moves to the young one, and when that
    is half of ``bound`` the old one is dropped. So about ``bound`` clean rows stay, the least recently
    used go first, and a hit costs no bookkeeping.
    """

    __slots__ = ("_dirty", "_half", "_old", "_young")

    def __init__(self, bound: int) -> None:
        self._half = max(1, bound // 2)
        self._dirty: dict[Key, Known] = {}
        self._young: dict[Key, Known] = {}
        self._old: dict[Key, Known] = {}

    def __len__(self) -> int:
        return len(self._dirty) + len(self._young) + len(self._old)

    def find(self, key: Key) -> Known | Literal[Unknown.UNKNOWN]:
        values = self._dirty.get(key, UNKNOWN)
        if values is not UNKNOWN:
            return values
        values = self._young.get(key, UNKNOWN)
        if values is not UNKNOWN:
            return values
        values = self._old.pop(key, UNKNOWN)
        if values is not UNKNOWN:
            self._young[key] = values
        return values

    def learn(self, rows: Mapping[Key, Known]) -> None:
        """Rows as they were just read from the disk."""
        self._young.update(rows)

    def change(self, rows: Mapping[Key, Known]) -> None:
        """Rows as a commit leaves them, before it is durable."""
        self._dirty.update(rows)

    def settle(self, rows: Mapping[Key, Known], heavy: Container[Key]) -> None:
        """These rows are durable; one that a later commit changed again stays dirty.

        Deleted rows and heavy ones are forgotten: hardly anyone asks for them again.
        """
        dirty, young, old = self._dirty, self._young, self._old
        for key, values in rows.items():
            if dirty.get(key, UNKNOWN) is values:
                del dirty[key]
            old.pop(key, None)
            if values is None or key in heavy:
                young.pop(key, None)
            else:
                young[key] = values

    def trim(self) -> None:
        """Drop the old generation when the young one is full; never between a load and its fold."""
        if len(self._young) > self._half:
            self._old, self._young = self._young, {}

    def clear(self) -> None:
        """Forget everything: the disk is the truth again."""
        self._dirty.clear()
        self._young.clear()
        self._old.clear()
