"""What anybody may ask for at any time reads no table that grows with every call."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Executable, Select
from sqlalchemy.dialects import sqlite

from base.clock import SystemClock
from server.gauges import Gauges
from server.tables import TABLES
from storage.op import Row
from storage.sqlite import SqliteStore
from tests.stores import fresh_store


class Watching:
    """A store that notes how SQLite finds what is read."""

    def __init__(self, store: SqliteStore, path: Path) -> None:
        self.store = store
        self.path = path
        self.plans: list[str] = []

    async def read(self, statement: Executable) -> Sequence[Row]:
        query = cast("Select[Any]", statement).compile(
            dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
        )
        with closing(sqlite3.connect(self.path)) as connection:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
        self.plans += [step[3] for step in plan]
        return await self.store.read(statement)


async def test_a_look_into_the_books_goes_through_no_payments_that_ended(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, *TABLES) as store:
        watching = Watching(store, tmp_path / "batchin.db")
        await Gauges(list, cast("Any", watching), SystemClock()).sample()
        assert any(plan.startswith("SEARCH payment USING") for plan in watching.plans), watching.plans
        assert not any(plan.startswith("SCAN payment") for plan in watching.plans)
