"""A Store that several processes write at once, as the server's own does for one process.

Every commit loads, folds and writes within one transaction of the database, so that the tasks of one
worker can be seen, answered, cancelled and taken up by another.
"""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, MetaData
from sqlalchemy.sql.expression import ClauseElement

from storage.folding import Changes, fold
from storage.op import Key, Op, Refused, Row
from storage.schema import Shape, shapes_of
from storage.sqlite_connector import connect
from storage.sqlite_statements import Statements, compiled
from storage.tables import LEASE, TABLES
from storage.workingset import Known
from tests.stores import create_schema

BEAT_S = 0.2
DEAD_MS = 1500


@dataclass(frozen=True, slots=True)
class Done:
    """A Ticket of a commit that was written before it was given."""

    visible: "asyncio.Future[Any]"
    durable: "asyncio.Future[Any]"


class SharedStore:
    """Small and blocking: the transactions of a test take less than a millisecond."""

    def __init__(self, connection: sqlite3.Connection, shapes: Mapping[str, Shape]) -> None:
        self.lease = secrets.token_hex(8)
        self._connection = connection
        self._shapes = shapes
        self._statements = {name: Statements(shape) for name, shape in shapes.items()}

    def die(self) -> None:
        """Be taken for dead by the others, as a process that hangs is."""
        self._beating.cancel()
        gone = LEASE.delete().where(LEASE.c.id == self.lease)
        self._connection.execute(*compiled(gone))

    def live(self) -> None:
        """Say so, until this is closed."""
        self._beating = asyncio.create_task(self._beat())

    def close(self) -> None:
        self._beating.cancel()
        self._connection.close()

    def submit(self, *ops: Op) -> Done:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_result(self._transact(ops))
        return Done(future, future)

    async def commit(self, *ops: Op) -> Any:
        return self._transact(ops)

    async def read(self, statement: Executable) -> Sequence[Row]:
        assert isinstance(statement, ClauseElement)
        text, parameters = compiled(statement)
        cursor = self._connection.execute(text, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor]

    async def _beat(self) -> None:
        """Say that this process lives, and forget those that have not said so lately."""
        while True:
            now_ms = time.time_ns() // 1_000_000
            row = (self.lease, "worker", now_ms, now_ms)
            self._connection.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?)", row)
            gone = LEASE.delete().where(LEASE.c.heartbeat_at_ms < now_ms - DEAD_MS)
            self._connection.execute(*compiled(gone))
            await asyncio.sleep(BEAT_S)

    def _transact(self, ops: tuple[Op, ...]) -> Any:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            value = self._fold(ops)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        return value

    def _fold(self, ops: tuple[Op, ...]) -> Any:
        known = {key: self._load(key) for op in ops for key in (*op.keys, *op.fresh)}
        changes = Changes(known, self._shapes)
        value = fold(ops, changes)
        if not isinstance(value, Refused):
            for key, row in changes.rows.items():
                statements = self._statements[key.table]
                if row is None:
                    self._connection.execute(statements.delete, key.pk)
                else:
                    self._connection.execute(statements.upsert, row)
        return value

    def _load(self, key: Key) -> Known:
        statements = self._statements[key.table]
        ((text, parameters),) = statements.select([key.pk])
        found = self._connection.execute(text, parameters).fetchone()
        return None if found is None else statements.read(found)


@asynccontextmanager
async def shared_store(path: Path, *tables: MetaData) -> AsyncIterator[SharedStore]:
    """Open the database that the workers share; the first one makes it."""
    create_schema(path, *tables)
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    store = SharedStore(connection, shapes_of((TABLES, *tables)))
    store.live()
    try:
        yield store
    finally:
        store.close()
