"""The embedded store: SQLite, written by this process alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, MetaData

from storage.health import Health
from storage.op import Op, Row, Ticket
from storage.reads import Reads, open_reads
from storage.schema import shapes_of
from storage.sqlite_connector import SqliteConnector, open_connector
from storage.writer import CACHED_ROWS, Writer, WriterStats


class SqliteStore:
    """A Store on one SQLite file. ``open_store`` opens it, in the process that holds the data dir."""

    def __init__(self, connector: SqliteConnector, writer: Writer, reads: Reads, health: Health) -> None:
        self._connector = connector
        self._writer = writer
        self._reads = reads
        self._health = health
        self._closed = False

    @property
    def lease(self) -> str:
        """The id of this process's lease: new at each open."""
        return self._connector.lease

    def submit(self, *ops: Op) -> Ticket:
        return self._writer.submit(*ops)

    async def commit(self, *ops: Op) -> Any:
        return await self._writer.submit(*ops).durable

    async def read(self, statement: Executable) -> Sequence[Row]:
        return await self._reads.read(statement)

    async def works(self) -> bool:
        """Whether the store can write now: it did within the last second, or a small write shows it."""
        return await self._health.works()

    async def hopeful(self) -> bool:
        """Whether to take work that must be written at its end: only a store whose last write failed is
        asked to prove itself, so it costs nothing in good times."""
        return await self._health.hopeful()

    def stats(self) -> WriterStats:
        return self._writer.stats()

    async def close(self) -> None:
        """Write what was submitted, then let go of the file. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        await self._health.close()
        await self._reads.close()
        await self._connector.close()


async def open_store(
    path: Path, tables: Sequence[MetaData], *, cached_rows: int = CACHED_ROWS
) -> SqliteStore:
    """Open a database whose schema exists. ``tables``: what the packages that write here declare."""
    shapes = shapes_of(tables)
    connector = await open_connector(path, shapes)
    reads = await open_reads(path)
    health = Health(connector.probe)
    return SqliteStore(connector, Writer(connector, shapes, health, cached_rows), reads, health)
