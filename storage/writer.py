"""The writer: folds commits in order in memory, and keeps one flush of many commits under way.

A commit whose rows are all in memory is folded at once, so that it is visible without any wait. One that
needs a row from the disk waits, and every later commit behind it, for one load of all the rows that the
waiting ones need. Folded commits gather in the open batch while the one before is written.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from storage.batch import MAX_COMMITS, Batch
from storage.commit import Commit
from storage.connector import Connector
from storage.errors import BadCommit, StorageUnavailable
from storage.ground import Ground
from storage.health import Health
from storage.op import Key, Op, Refused, Ticket
from storage.recovery import recover
from storage.schema import Shape
from storage.workingset import Known

CACHED_ROWS: Final = 32_768
LINGER_S: Final = 0.05
"""How long a commit that nobody needs durable may wait for others; a hold rarely lives longer."""

_CANNOT_READ: Final = "The store could not read."
_CLOSED: Final = "The store is closed."
_logger: Final = logging.getLogger("batchin.storage")


@dataclass(frozen=True, slots=True)
class WriterStats:
    """Commits that wait for a load, that wait for a flush, that are being flushed; rows in memory;
    flushes and commits made durable since the start, and flushes or commits that failed."""

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
        self._ground = Ground(connector, shapes, health, cached_rows)
        self._waiting: deque[Commit] = deque()
        self._open: deque[Batch] = deque()
        self._in_flight: Batch | None = None
        self._arrived = asyncio.Event()
        self._due = asyncio.Event()
        self._disk = asyncio.Lock()
        self._recovering = False
        self._closed = False
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
        """Take no more commits, end those that were submitted, stop. To be called once."""
        self._closed = True
        last = Commit((), self._hurry)
        self._accept(last)
        with suppress(StorageUnavailable):
            await last.durable
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stats(self) -> WriterStats:
        ground = self._ground
        return WriterStats(
            waiting=len(self._waiting),
            open=sum(len(batch.commits) for batch in self._open),
            in_flight=len(self._in_flight.commits) if self._in_flight else 0,
            rows=len(ground.known),
            flushes=ground.flushes,
            commits=ground.commits,
            failures=ground.failures,
        )

    def _accept(self, commit: Commit) -> None:
        view = None if self._waiting or self._recovering else self._ground.view(commit)
        if view is None:
            self._waiting.append(commit)
            self._arrived.set()
            return
        self._fold(commit, view)
        self._ground.known.trim()

    def _fold(self, commit: Commit, view: Mapping[Key, Known]) -> None:
        folded = self._ground.fold(commit, view)
        if folded is None:
            return
        value, changes = folded
        commit.folded(value)
        if not isinstance(value, Refused) and not changes.empty:
            self._ground.known.change(changes.rows)
            self._place(commit).take(commit, changes)
        elif self._open or self._in_flight:
            # Nothing of it needs writing, yet it is not durable before all that it saw is.
            self._place(commit).wait_for(commit)
        else:
            commit.settled()

    def _place(self, commit: Commit) -> Batch:
        """The open batch, which is due as soon as it is full or somebody waits for a commit in it."""
        if not self._open or self._open[-1].full:
            self._hurry()
            batch = Batch()
            batch.patience = self._loop.call_later(LINGER_S, self._hurry_batch, batch)
            self._open.append(batch)
        if commit.wanted:
            self._hurry()
        return self._open[-1]

    def _hurry(self) -> None:
        if self._open:
            self._hurry_batch(self._open[-1])

    def _hurry_batch(self, batch: Batch) -> None:
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
        waiting, ground = self._waiting, self._ground
        first = list(islice(waiting, MAX_COMMITS))
        try:
            await self._learn(first)
        except Exception as error:  # noqa: BLE001 - whatever the database raises, these can't be folded
            _logger.error("the store can't read: %s: %s", type(error).__name__, error)
            for _ in first:
                waiting.popleft().failed(_CANNOT_READ)
        while waiting and (view := ground.view(waiting[0])) is not None:
            self._fold(waiting.popleft(), view)
        ground.known.trim()

    async def _learn(self, first: Sequence[Commit]) -> None:
        """Load for all; if one names a key that can't be looked up, for the first, which may be it."""
        try:
            await self._ground.learn(first)
            return
        except BadCommit:
            pass
        try:
            await self._ground.learn(first[:1])
        except BadCommit as error:
            self._ground.alarm(self._waiting.popleft(), error)

    async def _flush_forever(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            while any(batch.due for batch in self._open):
                await self._flush(self._open.popleft())

    async def _flush(self, batch: Batch) -> None:
        self._in_flight = batch
        if batch.patience is not None:
            batch.patience.cancel()
        try:
            await self._ground.write(batch)
        except Exception as error:  # noqa: BLE001 - whatever the database raises, nothing was written
            await self._recover(batch, error)
        self._in_flight = None

    async def _recover(self, batch: Batch, error: Exception) -> None:
        self._recovering = True
        async with self._disk:
            commits = [commit for each in (batch, *self._open) for commit in each.commits]
            self._open.clear()
            await recover(self._ground, commits, error)
            self._recovering = False
