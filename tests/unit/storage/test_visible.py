"""A commit is visible at once and durable once it is on the disk; commits take effect in order."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table, func, select

from storage.errors import StorageUnavailable
from storage.op import Key, Op, Refused, Rows
from storage.schema import UNCACHED
from storage.sqlite import SqliteStore
from storage.tables import LEASE
from tests.stores import fresh_store
from tests.unit.storage.purses import (
    NOTE,
    PURSE,
    TABLES,
    drop,
    give,
    in_time,
    make,
    note,
    purse,
    purse_key,
    refuse,
    seat,
    stuck_disk,
    until,
)


async def coins(store: SqliteStore) -> dict[str, int]:
    return {row["id"]: row["coins"] for row in await store.read(select(PURSE))}


async def notes(store: SqliteStore) -> list[str]:
    return [row["id"] for row in await store.read(select(NOTE.c.id).order_by(NOTE.c.id))]


async def test_visible_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("a", 5))
        with stuck_disk(tmp_path / "batchin.db"):
            first = store.submit(give("a", 1))
            durable = first.durable
            second = store.submit(give("a", 1))
            assert first.visible.result() == (6,)
            assert second.visible.result() == (7,)
            assert not durable.done()
            assert await coins(store) == {"a": 5}
        assert await durable == (6,)
        assert await second.durable == (7,)
        assert await coins(store) == {"a": 7}


async def test_a_row_that_changes_while_it_is_written(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("a", 5))
        with stuck_disk(tmp_path / "batchin.db"):
            first = store.submit(give("a", 1)).durable
            await until(lambda: store.stats().in_flight == 1)
            store.submit(give("a", 1))
        await first
        assert store.submit(give("a", 1)).visible.result() == (8,)


async def test_a_row_from_the_disk_does_not_wait_for_a_flush(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("cold", 5), give("warm", 5))
    async with fresh_store(tmp_path, TABLES) as store:
        await store.submit(give("warm", 1)).visible
        with stuck_disk(tmp_path / "batchin.db"):
            flushed = store.submit(give("warm", 1)).durable
            assert await in_time(store.submit(give("cold", 1)).visible) == (6,)
            assert not flushed.done()


async def test_commits_take_effect_in_the_order_of_submission(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("a", 0), *(give(f"cold{at}", 0) for at in range(20)))
    async with fresh_store(tmp_path, TABLES) as store:
        tickets = []
        for at in range(60):
            tickets.append(store.submit(give("a", 1), give(f"cold{at % 20}", 1)))
            tickets.append(store.submit(give("a", 1)))
            if at % 7 == 0:
                await asyncio.sleep(0)
        answers = [await ticket.visible for ticket in tickets]
        assert [answer[0] for answer in answers] == list(range(1, 121))


async def test_a_refused_commit_leaves_nothing(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        assert await store.commit(give("a", 5), note("n"), refuse("no")) == Refused("no")
        assert await store.commit(give("a", -1)) == Refused("insufficient")
        assert await store.commit(give("a", 2), note("n")) == (2, None)
        assert await coins(store) == {"a": 2}


async def test_a_refusal_is_durable_when_what_it_saw_is(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("a", 5))
        with stuck_disk(tmp_path / "batchin.db"):
            store.submit(give("a", -5))
            refused = store.submit(give("a", -1))
            durable = refused.durable
            assert refused.visible.result() == Refused("insufficient")
            await asyncio.sleep(0)
            assert not durable.done()
        assert await durable == Refused("insufficient")
        assert await coins(store) == {"a": 0}


async def test_operations_of_a_commit_see_each_other(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        assert await store.commit(make("a", 1), give("a", 1), give("a", 1)) == (None, 2, 3)
        assert await store.commit(give("a", 1), drop("a"), give("a", 7)) == (4, True, 7)
        assert await coins(store) == {"a": 7}


async def test_a_row_that_came_and_went_leaves_nothing(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(make("a", 3), drop("a"))
        with stuck_disk(tmp_path / "batchin.db"):
            store.submit(make("b"))
            store.submit(drop("b"))
            again = store.submit(give("b", 4)).durable
        await again
        await store.commit(drop("b"), note("end"))
        assert await coins(store) == {}
        assert await store.commit(give("a", 1), give("b", 1)) == (1, 1)


async def test_a_row_that_went_and_came_again_in_one_flush(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("a", 5))
        with stuck_disk(tmp_path / "batchin.db"):
            store.submit(drop("a"))
            again = store.submit(make("a", 9)).durable
        assert await again == (None,)
        assert await coins(store) == {"a": 9}
        assert store.stats().flushes == 2


async def test_a_flush_takes_a_bounded_number_of_commits(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        with stuck_disk(tmp_path / "batchin.db"):
            many = [store.submit(give("a", 1)) for _ in range(1300)]
            last = many[-1].durable
            await until(lambda: store.stats().in_flight > 0)
            assert store.stats().in_flight <= 512
            large = [store.submit(note(f"{at}", bytes(2**20))) for at in range(6)]
        assert await last == (1300,)
        assert await large[-1].durable == (None,)
        assert store.stats().flushes == 4


async def test_rows_of_several_key_columns(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(*(seat("red", at, f"guest {at}") for at in range(700)))
    async with fresh_store(tmp_path, TABLES) as store:
        before = await store.commit(*(seat("red", at, "nobody") for at in range(-2, 700)))
        assert before == (None, None, *(f"guest {at}" for at in range(700)))
        assert await store.commit(seat("blue", 1, "x"), seat("red", 1, "x")) == (None, "nobody")


async def test_reads_have_the_types_of_their_columns(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("a", 5), note("n", b"\x00\xff"))
        query = select(PURSE.c.locked, PURSE.c.id.label("name")).where(PURSE.c.id.in_(["a", "b"]))
        (row,) = await store.read(query)
        assert list(row) == ["locked", "name"]
        assert row["locked"] is False
        assert await store.read(select(NOTE)) == [{"id": "n", "body": b"\x00\xff"}]
        total = select(func.sum(PURSE.c.coins).label("total"), func.count().label("purses"))
        assert await store.read(total.where(PURSE.c.locked.is_(False))) == [{"total": 5, "purses": 1}]
        assert await store.read(select(NOTE).where(NOTE.c.id == "none")) == []


async def test_folds_have_the_types_of_their_columns(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("a", 5))
    async with fresh_store(tmp_path, TABLES) as store:
        (row,) = await store.commit(Op((purse_key("a"),), lambda rows: rows.get(purse_key("a"))))
        assert row["locked"] is False
        assert row == purse("a", 5)


async def test_reads_can_not_write(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(note("n"))
        with pytest.raises(StorageUnavailable):
            await store.read(NOTE.delete())
        assert await notes(store) == ["n"]


async def test_a_waiter_that_gives_up_does_not_undo_the_commit(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        with stuck_disk(tmp_path / "batchin.db"):
            waiter = asyncio.create_task(store.commit(note("n")))
            await asyncio.sleep(0)
            waiter.cancel()
            await asyncio.gather(waiter, return_exceptions=True)
        await store.commit(note("m"))
        assert await notes(store) == ["m", "n"]


async def test_what_nobody_waits_for_is_written_too(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        store.submit(note("soon"))
        await until(lambda: store.stats().commits == 1)
        assert await notes(store) == ["soon"]
        store.submit(note("at the end"))
    async with fresh_store(tmp_path, TABLES) as store:
        assert await notes(store) == ["at the end", "soon"]
        await store.close()
        with pytest.raises(StorageUnavailable, match="closed"):
            await store.commit(note("too late"))


async def test_memory_is_bounded_and_never_wrong(tmp_path: Path) -> None:
    bound = 64
    async with fresh_store(tmp_path, TABLES, cached_rows=bound) as store:
        for turn in (1, 2):
            for at in range(1000):
                assert await store.submit(give(f"purse {at}", 1)).visible == (turn,)
        for at in range(2 * bound):
            await store.commit(give(f"purse {at}", 0))
        assert store.stats().rows <= bound + 1
        assert await store.commit(give("purse 3", 1), give("purse 999", 1)) == (3, 3)


async def test_heavy_rows_leave_memory_when_they_are_on_the_disk(tmp_path: Path) -> None:
    def heavy(name: str) -> Op:
        key = Key("note", (name,))
        row = {"id": name, "body": bytes(4096)}
        return Op((), lambda rows: rows.put(key, row), fresh=(key,))

    async with fresh_store(tmp_path, TABLES) as store:
        await asyncio.gather(*(store.commit(heavy(f"{at}")) for at in range(50)))
        assert store.stats().rows == 0


async def test_rows_of_a_table_that_nobody_reads_again_leave_memory_too(tmp_path: Path) -> None:
    schema = MetaData()
    line = Column("id", String, primary_key=True)
    Table("line", schema, line, Column("text", String, nullable=False), info=UNCACHED)

    def written(name: str, text: str, *, new: bool) -> Op:
        key = Key("line", (name,))

        def fold(rows: Rows) -> Any:
            before = rows.get(key)
            rows.put(key, {"id": name, "text": text})
            return before and before["text"]

        return Op((), fold, fresh=(key,)) if new else Op((key,), fold)

    async with fresh_store(tmp_path, schema) as store:
        await asyncio.gather(*(store.commit(written(f"{at}", "a", new=True)) for at in range(50)))
        assert store.stats().rows == 0
        assert await store.commit(written("7", "b", new=False)) == ("a",)
        assert await store.commit(written("7", "c", new=False)) == ("b",)
        assert store.stats().rows == 0


async def test_each_open_has_a_lease_of_its_own(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        first = store.lease
    async with fresh_store(tmp_path, TABLES) as store:
        assert store.lease != first
        assert [row["id"] for row in await store.read(select(LEASE.c.id))] == [store.lease]
