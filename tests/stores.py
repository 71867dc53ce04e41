"""A real store in a folder of its own, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import MetaData, create_engine

from storage.sqlite import SqliteStore, open_store
from storage.tables import TABLES
from storage.writer import CACHED_ROWS


def create_schema(path: Path, *tables: MetaData) -> None:
    """Make the tables of the store and of the given packages, where they are missing."""
    engine = create_engine(f"sqlite:///{path}")
    for schema in (TABLES, *tables):
        schema.create_all(engine)
    engine.dispose()


@asynccontextmanager
async def fresh_store(
    folder: Path, *tables: MetaData, cached_rows: int = CACHED_ROWS
) -> AsyncIterator[SqliteStore]:
    """Open ``folder/batchin.db`` with the tables of the given packages; a second call reopens it."""
    path = folder / "batchin.db"
    create_schema(path, *tables)
    store = await open_store(path, tables, cached_rows=cached_rows)
    try:
        yield store
    finally:
        await store.close()
