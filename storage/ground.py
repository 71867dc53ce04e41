"""What folding, writing and recovery stand on: the rows in memory, and the database under them."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from storage.batch import Batch
from storage.commit import Commit
from storage.connector import Connector
from storage.errors import BadCommit
from storage.folding import Changes, fold
from storage.health import Health
from storage.op import Key
from storage.schema import Shape
from storage.workingset import UNKNOWN, Known, WorkingSet

_CANNOT_WRITE: Final = "The store could not write."
_logger: Final = logging.getLogger("batchin.storage")


class Ground:
    """The rows in memory and the way to the disk and back. Counts what came of it."""

    __slots__ = ("_connector", "_health", "_shapes", "commits", "failures", "flushes", "known")

    def __init__(
        self, connector: Connector, shapes: Mapping[str, Shape], health: Health, cached_rows: int
    ) -> None:
        self._connector = connector
        self._shapes = shapes
        self._health = health
        self.known = WorkingSet(cached_rows)
        self.flushes = self.commits = self.failures = 0

    def view(self, commit: Commit) -> dict[Key, Known] | None:
        """The rows of all keys that the commit names; None while one of them is not in memory."""
        find = self.known.find
        view: dict[Key, Known] = {}
        for op in commit.ops:
            for key in op.fresh:  # nobody else can have made it
                values = find(key)
                view[key] = None if values is UNKNOWN else values
        for op in commit.ops:
            for key in op.keys:
                if key not in view:
                    values = find(key)
                    if values is UNKNOWN:
                        return None
                    view[key] = values
        return view

    async def learn(self, commits: Iterable[Commit]) -> None:
        """Load the rows that these commits look up and that are not in memory.

        Raises BadCommit when a key can't be looked up at all, else what the database raises.
        """
        find = self.known.find
        keys = (key for commit in commits for op in commit.ops for key in op.keys)
        missing = {key for key in keys if find(key) is UNKNOWN}
        if missing:
            self.known.learn(await self._connector.load(missing))

    def fold(self, commit: Commit, view: Mapping[Key, Known]) -> tuple[Any, Changes] | None:
        """The commit's value and changes over ``view``; None when it failed, with an alarm."""
        changes = Changes(view, self._shapes)
        try:
            return fold(commit.ops, changes), changes
        except BadCommit as error:
            self.alarm(commit, error)
            return None

    async def write(self, batch: Batch) -> None:
        """Make a batch durable, then tell those who wait. Raises what the database raises."""
        if not batch.empty:
            await self._connector.flush(batch)
            self._health.succeeded()
            self.flushes += 1
        self.known.settle(batch.rows, batch.heavy)
        self.commits += len(batch.commits)
        for commit in batch.commits:
            commit.settled()

    def alarm(self, commit: Commit, error: BadCommit) -> None:
        """A commit that can never be applied: a fault of the program."""
        _logger.error("alarm: a commit can't be applied: %s", str(error))
        self.failures += 1
        commit.failed(_CANNOT_WRITE)

    def give_up(self, commits: Iterable[Commit], error: Exception) -> None:
        """The database can't write: these commits fail."""
        _logger.error("the store can't write: %s: %s", type(error).__name__, str(error))
        self.failures += 1
        self._health.failed()
        for commit in commits:
            commit.failed(_CANNOT_WRITE)
