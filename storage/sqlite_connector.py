"""The writer's SQLite: one connection that writes, one that loads rows beside a running flush."""

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
    """A Connector. The schema must exist. ``lease`` names this process in the holds that it makes."""

    def __init__(self, path: Path, shapes: Mapping[str, Shape]) -> None:
        self.lease = secrets.token_hex(8)
        self._path = path
        self._shapes = shapes
        self._statements = {name: Statements(shape) for name, shape in shapes.items()}
        self._writer = Worker("batchin-writer")
        self._loader = Worker("batchin-loader")
        self._writing: sqlite3.Connection
        self._loading: sqlite3.Connection

    async def open(self) -> None:
        """Connect, and take a new lease: all others are dead, since the data dir is locked for us."""
        await self._writer.run(self._connect_writer)
        await self._loader.run(self._connect_loader)

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
        await self._writer.run(self._disconnect_writer)
        await self._writer.close()

    def _connect_writer(self) -> None:
        self._writing = connect(self._path)
        self._writing.execute("PRAGMA journal_mode = WAL")
        self._writing.execute("PRAGMA synchronous = FULL")
        with self._transaction() as connection:
            now_ms = _now_ms()
            connection.execute("DELETE FROM lease")
            connection.execute(
                "INSERT INTO lease (id, process, started_at_ms, heartbeat_at_ms) VALUES (?, ?, ?, ?)",
                (self.lease, f"pid {os.getpid()}", now_ms, now_ms),
            )

    def _connect_loader(self) -> None:
        self._loading = connect(self._path)
        self._loading.execute("PRAGMA query_only = 1")

    def _disconnect_writer(self) -> None:
        with suppress(sqlite3.Error), self._transaction() as connection:
            connection.execute("DELETE FROM lease WHERE id = ?", (self.lease,))
        self._writing.close()

    def _load(self, keys: Collection[Key]) -> dict[Key, Known]:
        rows: dict[Key, Known] = dict.fromkeys(keys)
        tables: dict[str, list[Values]] = {}
        for key in keys:
            tables.setdefault(key.table, []).append(key.pk)
        for table, pks in tables.items():
            shape, statements = self._shapes[table], self._statements[table]
            for text, parameters in statements.select(pks):
                for values in map(statements.read, self._loading.execute(text, parameters)):
                    rows[Key(table, shape.key_of(values))] = values
        return rows

    def _flush(self, batch: Batch) -> None:
        try:
            with self._transaction() as connection:
                for writes in batch.writes(self._shapes):
                    _write(connection, self._statements[writes.shape.table.name], writes)
        except _REFUSED as error:
            raise BadCommit(f"{type(error).__name__}: {error}") from error

    def _heartbeat(self) -> None:
        disk = os.statvfs(self._path)
        if disk.f_bavail * disk.f_frsize < MAX_BYTES:
            raise OSError(errno.ENOSPC, f"less than {MAX_BYTES} bytes are free at {self._path.parent}")
        with self._transaction() as connection:
            connection.execute("SAVEPOINT room")
            connection.execute("INSERT INTO lease VALUES ('room', ?, 0, 0)", (" " * _ROOM_BYTES,))
            connection.execute("ROLLBACK TO room")
            connection.execute("RELEASE room")
            connection.execute(
                "UPDATE lease SET heartbeat_at_ms = ? WHERE id = ?", (_now_ms(), self.lease)
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._writing.execute("BEGIN IMMEDIATE")
        try:
            yield self._writing
            self._writing.execute("COMMIT")
        except BaseException:
            if self._writing.in_transaction:
                self._writing.execute("ROLLBACK")
            raise


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
