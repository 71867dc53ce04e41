"""The writer's SQLite: one connection that writes, one that loads rows beside a running flush."""

import asyncio
import errno
import os
import secrets
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from storage.batch import MAX_BYTES, Batch, TableWrites
from storage.errors import BadCommit
from storage.op import Key
from storage.schema import Shape, Values
from storage.sqlite_statements import Statements
from storage.worker import Worker
from storage.workingset import Known

BUSY_S: Final = 5.0
"""Nobody else writes while the data dir's lock is held; a backup tool may hold the file for a moment."""

_ROOM_BYTES: Final = 65_536
_TAKE_LEASE: Final = (
    "INSERT INTO lease (id, process, started_at_ms, heartbeat_at_ms) VALUES (?, ?, ?, ?)"
)
_BEAT: Final = "UPDATE lease SET heartbeat_at_ms = ? WHERE id = ?"
_REFUSED: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    UnicodeError,
)
"""What the driver raises for a row, whatever the state of the disk."""


class SqliteConnector:
    """A Connector on two open connections; ``lease`` names this process in the holds that it makes."""

    def __init__(
        self,
        path: Path,
        shapes: Mapping[str, Shape],
        lease: str,
        writing: sqlite3.Connection,
        loading: sqlite3.Connection,
    ) -> None:
        self.lease = lease
        self._path = path
        self._shapes = shapes
        self._statements = {name: Statements(shape) for name, shape in shapes.items()}
        self._writing = writing
        self._loading = loading
        self._writer = Worker("batchin-writer")
        self._loader = Worker("batchin-loader")

    async def load(self, keys: Collection[Key]) -> Mapping[Key, Known]:
        return await self._loader.run(partial(self._load, keys))

    async def flush(self, batch: Batch) -> None:
        await self._writer.run(partial(self._flush, batch))

    async def probe(self) -> None:
        """A heartbeat: one small durable write, and a check that there is room for a batch."""
        await self._writer.run(self._heartbeat)

    async def close(self) -> None:
        await self._loader.run(self._loading.close)
        await self._loader.close()
        await self._writer.run(self._end)
        await self._writer.close()

    def _end(self) -> None:
        with suppress(sqlite3.Error), _transaction(self._writing):
            self._writing.execute("DELETE FROM lease WHERE id = ?", (self.lease,))
        self._writing.close()

    def _load(self, keys: Collection[Key]) -> dict[Key, Known]:
        rows: dict[Key, Known] = dict.fromkeys(keys)
        tables: dict[str, list[Values]] = {}
        for key in keys:
            tables.setdefault(key.table, []).append(key.pk)
        try:
            for table, pks in tables.items():
                shape, statements = self._shapes[table], self._statements[table]
                for text, parameters in statements.select(pks):
                    for values in map(statements.read, self._loading.execute(text, parameters)):
                        rows[Key(table, shape.key_of(values))] = values
        except (KeyError, *_REFUSED) as error:
            raise BadCommit(f"{type(error).__name__}: {error}") from error
        return rows

    def _flush(self, batch: Batch) -> None:
        try:
            with _transaction(self._writing):
                for writes in batch.writes(self._shapes):
                    _write(self._writing, self._statements[writes.shape.table.name], writes)
        except _REFUSED as error:
            raise BadCommit(f"{type(error).__name__}: {error}") from error

    def _heartbeat(self) -> None:
        disk = os.statvfs(self._path)
        if disk.f_bavail * disk.f_frsize < MAX_BYTES:
            raise OSError(errno.ENOSPC, f"less than {MAX_BYTES} bytes are free at {self._path.parent}")
        with _transaction(self._writing):
            self._writing.execute("SAVEPOINT room")
            self._writing.execute(_TAKE_LEASE, ("room", " " * _ROOM_BYTES, 0, 0))
            self._writing.execute("ROLLBACK TO room")
            self._writing.execute("RELEASE room")
            self._writing.execute(_BEAT, (_now_ms(), self.lease))


async def open_connector(path: Path, shapes: Mapping[str, Shape]) -> SqliteConnector:
    """Connect to a database whose schema exists, and take a new lease.

    All other leases end: who opens the database holds the lock of the data dir. Raises sqlite3.Error.
    """
    lease = secrets.token_hex(8)
    writing, loading = await asyncio.to_thread(_open, path, lease)
    return SqliteConnector(path, shapes, lease, writing, loading)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to an existing database, without Python's own transactions."""
    return sqlite3.connect(
        uri_of(path),
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )


def uri_of(path: Path) -> str:
    """The name of a database that must exist."""
    return f"{path.absolute().as_uri()}?mode=rw"


def _write(connection: sqlite3.Connection, statements: Statements, writes: TableWrites) -> None:
    """Deletes first: a row that goes may free a unique value for one that comes."""
    if writes.deletes:
        connection.executemany(statements.delete, writes.deletes)
    if writes.upserts:
        connection.executemany(statements.upsert, writes.upserts)
    if writes.inserts:
        connection.executemany(statements.insert, writes.inserts)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _open(path: Path, lease: str) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    writing = connect(path)
    try:
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("PRAGMA synchronous = FULL")
        with _transaction(writing):
            writing.execute("DELETE FROM lease")
            writing.execute(_TAKE_LEASE, (lease, f"pid {os.getpid()}", _now_ms(), _now_ms()))
        loading = connect(path)
        loading.execute("PRAGMA query_only = 1")
    except BaseException:
        writing.close()
        raise
    return writing, loading


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
