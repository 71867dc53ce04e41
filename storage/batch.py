"""A batch: what many commits changed, merged for one transaction."""

from asyncio import TimerHandle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from storage.commit import Commit
from storage.folding import Changes
from storage.op import Key
from storage.schema import Shape, Values
from storage.workingset import Known

MAX_COMMITS: Final = 512
MAX_BYTES: Final = 4 * 1024 * 1024


class Batch:
    """Commits in order, and the last state of each row that they touched."""

    __slots__ = ("_fresh", "_weight", "added", "commits", "due", "heavy", "patience", "rows")

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.rows: dict[Key, Known] = {}
        self.added: dict[str, list[Values]] = {}
        self.heavy: set[Key] = set()
        self.due = False
        self.patience: TimerHandle | None = None
        self._fresh: set[Key] = set()
        self._weight = 0

    @property
    def full(self) -> bool:
        return len(self.commits) >= MAX_COMMITS or self._weight >= MAX_BYTES

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.rows and not self.added

    def take(self, commit: Commit, changes: Changes) -> None:
        """Append a folded commit."""
        self.commits.append(commit)
        for key in changes.fresh:
            if key not in self.rows:
                self._fresh.add(key)
        self.heavy.update(changes.heavy)
        self.rows.update(changes.rows)
        for table, values in changes.added:
            self.added.setdefault(table, []).append(values)
        self._weight += changes.weight

    def wait_for(self, commit: Commit) -> None:
        """Append a commit that changes nothing, to be durable when what it saw is."""
        self.commits.append(commit)

    def writes(self, shapes: Mapping[str, Shape]) -> "Iterator[TableWrites]":
        """The writes of each table, tables in a fixed order. A row made and deleted here is none."""
        tables: dict[str, TableWrites] = {}
        for key, values in self.rows.items():
            writes = tables.get(key.table)
            if writes is None:
                writes = tables[key.table] = TableWrites(shapes[key.table])
            if values is None:
                if key not in self._fresh:
                    writes.deletes.append(key.pk)
            elif key in self._fresh:
                writes.inserts.append(values)
            else:
                writes.upserts.append(values)
        for table, added in self.added.items():
            writes = tables.setdefault(table, TableWrites(shapes[table]))
            writes.inserts.extend(added)
        for _, writes in sorted(tables.items()):
            yield writes


@dataclass(slots=True)
class TableWrites:
    """The writes of one table: primary keys to delete, rows to put, rows that must be new."""

    shape: Shape
    deletes: list[Values] = field(default_factory=list)
    upserts: list[Values] = field(default_factory=list)
    inserts: list[Values] = field(default_factory=list)
