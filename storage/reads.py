"""Reads beside the writer: SQLAlchemy Core selects on aiosqlite connections that can't write."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiosqlite
from sqlalchemy import Boolean, Executable
from sqlalchemy.sql.expression import ClauseElement, SelectBase

from storage.errors import StorageUnavailable
from storage.op import Row
from storage.sqlite_connector import BUSY_S, uri_of
from storage.sqlite_statements import compiled

_CONNECTIONS: Final = 2


class Reads:
    """A few read-only connections; each read sees every commit that is durable when it starts."""

    def __init__(self) -> None:
        self._free: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        self._all: list[aiosqlite.Connection] = []

    async def open(self, path: Path) -> None:
        for _ in range(_CONNECTIONS):
            connection = await aiosqlite.connect(
                uri_of(path), uri=True, timeout=BUSY_S, isolation_level=None
            )
            self._all.append(connection)
            await connection.execute("PRAGMA query_only = 1")
            self._free.put_nowait(connection)

    async def read(self, statement: Executable) -> Sequence[Row]:
        """Run a select. Raises StorageUnavailable when the database can't be read."""
        if not isinstance(statement, ClauseElement):
            raise TypeError(f"{type(statement).__name__} is not a statement of SQLAlchemy Core")
        text, parameters = compiled(statement)
        connection = await self._free.get()
        try:
            async with connection.execute(text, parameters) as cursor:
                rows = await cursor.fetchall()
                names = [column[0] for column in cursor.description or ()]
        except sqlite3.OperationalError as error:
            raise StorageUnavailable("The store could not read.") from error
        finally:
            self._free.put_nowait(connection)
        return _typed(statement, [dict(zip(names, row, strict=True)) for row in rows], names)

    async def close(self) -> None:
        for connection in self._all:
            await connection.close()


def _typed(statement: ClauseElement, rows: list[Row], names: Sequence[str]) -> list[Row]:
    """SQLite has no booleans: columns that the statement declares as such become True and False."""
    if not isinstance(statement, SelectBase):
        return rows
    columns = zip(names, statement.selected_columns, strict=True)
    for name in [name for name, column in columns if isinstance(column.type, Boolean)]:
        for row in rows:
            if row[name] is not None:
                row[name] = bool(row[name])
    return rows
