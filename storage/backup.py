"""Copies of a database beside a running server."""

import asyncio
import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from storage.sqlite_connector import connect


async def backup(source: Path, target: Path) -> None:
    """Copy a database that may be in use to the new file ``target`` (mode 0600), without stopping it.

    The copy holds every commit that was durable when it began. It appears whole or not at all.
    Raises FileExistsError, OSError or sqlite3.Error.
    """
    await asyncio.to_thread(copy_database, source, target)


def copy_database(source: Path, target: Path) -> None:
    """``backup``, blocking."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(connect(source)) as reading, closing(sqlite3.connect(draft)) as writing:
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode = DELETE")
        _sync(draft)
        os.link(draft, target)
        _sync(target.parent)
    finally:
        draft.unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
