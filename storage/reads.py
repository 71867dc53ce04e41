"""Reads beside the writer: SQLAlchemy Core selects on aiosqlite connections that can't write."""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aiosqlite
from sqlalchemy import Boolean, Executable
from sqlalchemy.sql.expression import ClauseElement, SelectBase

from storage.errors import StorageUnavailable
from storage.op import Row
from storage.sqlite_connector import BUSY_S, uri_of
from storage.sqlite_statements import compiled

_CONNECTIONS: Final = 2
_logger: Final = logging.getLogger("batchin.storage")


class Reads:
    """A few read-only connections; each read sees every commit that is durable when it starts."""

    def __init__(self, connections: Sequence[aiosqlite.Connection]) -> None:
        self._connections = connections
        self._free: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        for connection in connections:
            self._free.put_nowait(connection)

    async def read(self, statement: Executable) -> Sequence[Row]:
        """Run a select. Raises StorageUnavailable when the database can't be read."""
        if not isinstance(statement, ClauseElement):
            raise TypeError(f"{type(statement).__name__} is not a statement of SQLAlchemy Core")
        text, parameters = compiled(statement)
        connection = await self._free.get()
        try:
            found: Any = await connection.execute_fetchall(text, parameters)
        except sqlite3.DatabaseError as error:
            _logger.error("the store can't read: %s: %s", type(error).__name__, error)
            raise StorageUnavailable("The store could not read.") from error
        finally:
            self._free.put_nowait(connection)
        return _typed(statement, found)

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()


async def open_reads(path: Path) -> Reads:
    """Connect to an existing database. Raises sqlite3.Error."""
    return Reads([await _connected(path) for _ in range(_CONNECTIONS)])


async def _connected(path: Path) -> aiosqlite.Connection:
    connection = aiosqlite.connect(uri_of(path), uri=True, timeout=BUSY_S, isolation_level=None)
    connection._thread.daemon = True  # noqa: SLF001 - else a process that fails before close never ends
    await connection
    connection.row_factory = _row  # type: ignore[assignment] # any callable, as in sqlite3
    await connection.execute_fetchall("PRAGMA query_only = 1")
    return connection


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}


def _typed(statement: ClauseElement, rows: list[Row]) -> list[Row]:
    """SQLite has no booleans: columns that the statement declares as such become True and False."""
    if not rows or not isinstance(statement, SelectBase):
        return rows
    columns = zip(rows[0], statement.selected_columns, strict=True)
    for name in [name for name, column in columns if isinstance(column.type, Boolean)]:
        for row in rows:
            if row[name] is not None:
                row[name] = bool(row[name])
    return rows
