"""The writer: folds commits in order in memory, and keeps one flush of many commits under way.

A commit whose rows are all in memory is folded at once, so that it is visible without any wait. One that
needs a row from the disk waits, and every later commit behind it, for one load of all the rows that the
waiting ones need. Folded commits gather in the open batch while the one before is written.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from storage.batch import MAX_COMMITS, Batch
from storage.commit import Commit
from storage.connector import Connector
from storage.errors import BadCommit, StorageUnavailable
from storage.folding import Changes, fold
from storage.health import Health
from storage.op import Op, Refused, Ticket
from storage.schema import Shape
from storage.workingset import UNKNOWN, WorkingSet

CACHED_ROWS: Final = 32_768
LINGER_S: Final = 0.05
"""How long a commit that nobody needs durable may wait for others; a hold rarely lives longer."""

_CANNOT_WRITE: Final = "The store could not write."
_CANNOT_READ: Final = "The store could not read."
_CHANGED: Final = "The store could not write what this depended on."
_CLOSED: Final = "The store is closed."
_logger: Final = logging.getLogger("batchin.storage")


@dataclass(frozen=True, slots=True)
class WriterStats:
    """Commits that wait for a load, that wait for a flush, that are being flushed; rows in memory;
    flushes and commits made durable since the start, and flushes that failed."""

    waiting: int
    open: int
    in_flight: int
    rows: int
    flushes: int
    commits: int
    failures: int


class Writer:
    """The only writer of its database."""

    def __init__(
        self,
        connector: Connector,
        shapes: Mapping[str, Shape],
        health: Health,
        cached_rows: int = CACHED_ROWS,
    ) -> None:
        self._connector = connector
        self._shapes = shapes
        self._health = health
        self._known = WorkingSet(cached_rows)
        self._waiting: deque[Commit] = deque()
        self._open: deque[Batch] = deque()
        self._in_flight: Batch | None = None
        self._arrived = asyncio.Event()
        self._due = asyncio.Event()
        self._disk = asyncio.Lock()
        self._recovering = False
        self._closed = False
        self._flushes = self._commits = self._failures = 0
        self._loop = asyncio.get_running_loop()
        self._tasks = [
            self._loop.create_task(run) for run in (self._load_forever(), self._flush_forever())
        ]

    def submit(self, *ops: Op) -> Ticket:
        commit = Commit(ops, self._hurry)
        if self._closed:
            commit.failed(_CLOSED)
        else:
            self._accept(commit)
        return commit

    async def close(self) -> None:
        """Take no more commits, end those that were submitted, stop."""
        if self._closed:
            return
        self._closed = True
        last = Commit((), self._hurry)
        self._accept(last)
        with suppress(StorageUnavailable):
            await last.durable
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stats(self) -> WriterStats:
        return WriterStats(
            waiting=len(self._waiting),
            open=sum(len(batch.commits) for batch in self._open),
            in_flight=len(self._in_flight.commits) if self._in_flight else 0,
            rows=len(self._known),
            flushes=self._flushes,
            commits=self._commits,
            failures=self._failures,
        )

    def _accept(self, commit: Commit) -> None:
        if self._waiting or self._recovering or not self._ready(commit.ops):
            self._waiting.append(commit)
            self._arrived.set()
            return
        self._fold(commit)
        self._known.trim()

    def _ready(self, ops: tuple[Op, ...]) -> bool:
        """Whether every row that the operations look up is in memory."""
        find = self._known.find
        for op in ops:
            for key in op.keys:
                if find(key) is UNKNOWN and not any(key in other.fresh for other in ops):
                    return False
        return True

    def _fold(self, commit: Commit) -> None:
        changes = Changes(self._known, self._shapes)
        try:
            value = fold(commit.ops, changes)
        except BadCommit as error:
            self._alarm(commit, error)
            return
        commit.folded(value)
        if isinstance(value, Refused) or changes.empty:
            self._follow(commit)
            return
        self._known.change(changes.rows)
        self._place(commit).take(commit, changes)

    def _follow(self, commit: Commit) -> None:
        """A commit that changes nothing is durable as soon as all that it saw is."""
        if self._open or self._in_flight:
            self._place(commit).wait_for(commit)
        else:
            commit.settled()

    def _place(self, commit: Commit) -> Batch:
        """The open batch, which is due when a commit in it is."""
        if not self._open or self._open[-1].full:
            batch = Batch()
            self._open.append(batch)
            self._loop.call_later(LINGER_S, self._linger, batch)
        batch = self._open[-1]
        if commit.wanted:
            self._linger(batch)
        return batch

    def _hurry(self) -> None:
        """Somebody waits for a commit to be durable."""
        if self._open:
            self._linger(self._open[-1])

    def _linger(self, batch: Batch) -> None:
        batch.due = True
        self._due.set()

    async def _load_forever(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                async with self._disk:
                    await self._load()

    async def _load(self) -> None:
        """Load what the first waiting commits look up, then fold all whose rows are known."""
        first = list(islice(self._waiting, MAX_COMMITS))
        try:
            await self._learn(first)
        except Exception as error:  # noqa: BLE001 - whatever the database raises, these can't be folded
            _logger.error("the store can't read: %s: %s", type(error).__name__, error)
            for _ in first:
                self._waiting.popleft().failed(_CANNOT_READ)
            return
        while self._waiting and self._ready(self._waiting[0].ops):
            self._fold(self._waiting.popleft())
        self._known.trim()

    async def _learn(self, commits: Iterable[Commit]) -> None:
        find = self._known.find
        keys = (key for commit in commits for op in commit.ops for key in op.keys)
        missing = {key for key in keys if find(key) is UNKNOWN}
        if missing:
            self._known.learn(await self._connector.load(missing))

    async def _flush_forever(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            while any(batch.due or batch.full for batch in self._open):
                await self._flush(self._open.popleft())

    async def _flush(self, batch: Batch) -> None:
        self._in_flight = batch
        try:
            await self._write(batch)
        except Exception as error:  # noqa: BLE001 - whatever the database raises, nothing was written
            await self._recover(batch, error)
        self._in_flight = None

    async def _write(self, batch: Batch) -> None:
        """Make a batch durable, then tell those who wait. Raises what the connector raises."""
        if not batch.empty:
            await self._connector.flush(batch)
            self._health.succeeded()
            self._flushes += 1
        self._known.settle(batch.rows, batch.heavy)
        self._commits += len(batch.commits)
        for commit in batch.commits:
            commit.settled()

    async def _recover(self, batch: Batch, error: Exception) -> None:
        """Memory is ahead of the disk: start again from the disk, with every commit that is not durable.

        A bad commit is found by halving, and fails alone. When the database can't write, all fail.
        """
        self._recovering = True
        async with self._disk:
            groups = [[*batch.commits, *(commit for later in self._open for commit in later.commits)]]
            self._open.clear()
            if not isinstance(error, BadCommit):
                self._give_up(groups, error)
            while groups:
                await self._try_again(groups)
            self._known.clear()
            self._recovering = False

    async def _try_again(self, groups: list[list[Commit]]) -> None:
        """Fold and write the last of the groups as one batch, or replace it by its halves."""
        group = groups.pop()
        self._known.clear()
        try:
            await self._learn(group)
            await self._write(self._folded_again(group))
        except BadCommit as error:
            if len(group) == 1:
                self._alarm(group[0], error)
                return
            half = len(group) // 2
            groups += [group[half:], group[:half]]
        except Exception as error:  # noqa: BLE001 - whatever the database raises, it can't write now
            groups.append(group)
            self._give_up(groups, error)

    def _folded_again(self, group: list[Commit]) -> Batch:
        """The group as one batch. A commit that gives another value than was told fails."""
        batch = Batch()
        for commit in group:
            changes = Changes(self._known, self._shapes)
            try:
                value = fold(commit.ops, changes)
            except BadCommit as error:
                self._alarm(commit, error)
                continue
            if not commit.may_become(value):
                commit.failed(_CHANGED)
                continue
            commit.folded(value)
            if isinstance(value, Refused):
                batch.wait_for(commit)
            else:
                self._known.change(changes.rows)
                batch.take(commit, changes)
        return batch

    def _give_up(self, groups: list[list[Commit]], error: Exception) -> None:
        """The database can't write: every commit that is not durable fails."""
        _logger.error("the store can't write: %s: %s", type(error).__name__, error)
        self._failures += 1
        self._health.failed()
        for group in groups:
            for commit in group:
                commit.failed(_CANNOT_WRITE)
        groups.clear()

    def _alarm(self, commit: Commit, error: BadCommit) -> None:
        _logger.error("alarm: a commit can't be applied: %s", error)
        self._failures += 1
        commit.failed(_CANNOT_WRITE)
