"""A copy of a database in use is a whole database."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage.backup import backup
from tests.stores import fresh_store
from tests.unit.storage.purses import TABLES, give, note


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_copy_made_under_load_holds_whole_commits(tmp_path: Path) -> None:
    copy = tmp_path / "backups" / "copy.db"
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("a", 1), note("first", bytes(100_000)))

        async def load() -> None:
            for at in range(100):
                await store.commit(give("a", 1), note(f"{at}", bytes(1000)))

        loading = asyncio.create_task(load())
        await backup(tmp_path / "batchin.db", copy)
        await loading
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        notes = connection.execute("SELECT count(*) FROM note").fetchone()[0]
        assert connection.execute("SELECT coins FROM purse").fetchall() == [(notes,)]
        assert notes >= 1
    assert copy.stat().st_mode & 0o777 == 0o600
    assert list(copy.parent.iterdir()) == [copy]


async def test_a_copy_replaces_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("mine")
    async with fresh_store(tmp_path, TABLES):
        with pytest.raises(FileExistsError):
            await backup(tmp_path / "batchin.db", copy)
    assert copy.read_text() == "mine"
    assert names_in(tmp_path) == {"batchin.db", "copy.db"}
