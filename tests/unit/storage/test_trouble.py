"""What a failing commit or a failing disk does to itself, and does not do to others."""

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from storage.batch import Batch
from storage.errors import StorageUnavailable
from storage.op import Key, Op, Rows, Ticket
from storage.sqlite import SqliteStore
from storage.tables import LEASE
from tests.stores import fresh_store
from tests.unit.storage.purses import (
    NOTE,
    PURSE,
    TABLES,
    give,
    make,
    note,
    purse,
    purse_key,
    stuck_disk,
    until,
)

SECRET = "a-secret-in-a-row"


async def count(store: SqliteStore) -> int:
    rows = await store.read(select(func.count().label("n")).select_from(NOTE))
    return int(rows[0]["n"])


async def coins(store: SqliteStore, name: str) -> int:
    rows = await store.read(select(PURSE.c.coins).where(PURSE.c.id == name))
    return int(rows[0]["coins"])


async def on_the_writer(store: SqliteStore, pragma: str) -> int:
    """Set or ask something of the connection that writes, in its own thread."""
    connection = store._connector._writing
    return await store._connector._writer.run(lambda: int(connection.execute(pragma).fetchone()[0]))


async def limit_disk(store: SqliteStore, pages_more: int) -> None:
    """Let the database grow by so many pages at most."""
    pages = await on_the_writer(store, "PRAGMA page_count")
    await on_the_writer(store, f"PRAGMA max_page_count = {pages + pages_more}")


async def test_a_bad_commit_fails_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(note(SECRET))
        commits = [store.commit(note(SECRET if at == 13 else f"{at}"), give("a", 1)) for at in range(40)]
        answers = await asyncio.gather(*commits, return_exceptions=True)
        assert isinstance(answers.pop(13), StorageUnavailable)
        assert answers == [(None, at) for at in range(1, 40)]
        assert await count(store) == 40
        assert await coins(store, "a") == 39
        await store.commit(give("a", 0))
        assert store.submit(give("a", 0)).visible.result() == (39,)
    alarms = [record for record in caplog.records if "alarm" in record.getMessage()]
    assert len(alarms) == 1
    assert "note.id" in alarms[0].getMessage()
    assert SECRET not in caplog.text


async def test_who_was_told_what_did_not_come_true_fails_too(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(note("taken"), give("a", 1))
        bad = store.submit(note("taken"), give("a", 10))
        told = store.submit(give("a", -5), note("told"))
        untold = store.submit(give("a", 1), note("untold"))
        assert told.visible.result() == (6, None)
        assert await untold.durable == (2, None)
        for ticket in (bad, told):
            with pytest.raises(StorageUnavailable):
                await ticket.durable
        assert await coins(store, "a") == 2
        assert await store.commit(note("told")) == (None,)


async def test_a_full_disk_fails_all_and_heals(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(give("a", 5))
        assert await store.works()
        assert await store.hopeful()
        await limit_disk(store, pages_more=4)
        big = [store.commit(note(f"{at}", bytes(9000)), give("a", 1)) for at in range(30)]
        answers = await asyncio.gather(*big, return_exceptions=True)
        assert all(isinstance(answer, StorageUnavailable) for answer in answers)
        assert not await store.works()
        assert not await store.hopeful()
        assert await coins(store, "a") == 5
        await limit_disk(store, pages_more=10_000)
        assert await store.hopeful()
        assert await store.works()
        assert await store.commit(give("a", 1), note("1")) == (6, None)
        assert await count(store) == 1
        assert [row["id"] for row in await store.read(select(LEASE.c.id))] == [store.lease]
    assert "full" in caplog.text


async def test_a_disk_that_is_stuck_for_too_long_is_noticed(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await on_the_writer(store, "PRAGMA busy_timeout = 50")
        with stuck_disk(tmp_path / "batchin.db"):
            with pytest.raises(StorageUnavailable):
                await store.commit(note("n"))
            assert not await store.works()
        assert await store.works()
        assert await store.commit(note("n")) == (None,)


async def test_the_store_does_not_work_while_it_waits_for_the_disk(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        with stuck_disk(tmp_path / "batchin.db"):
            asked = [store.works() for _ in range(3)]
            assert await asyncio.gather(*asked) == [False, False, False]
        await store.commit(note("n"))
        assert await store.works()


async def test_a_commit_that_comes_during_recovery_sees_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(note("taken"), give("a", 1))
        flush = store._connector.flush
        tries, recovering, go_on = 0, asyncio.Event(), asyncio.Event()

        async def gated(batch: Batch) -> None:
            nonlocal tries
            tries += 1
            if tries == 2:
                recovering.set()
                await go_on.wait()
            await flush(batch)

        monkeypatch.setattr(store._connector, "flush", gated)
        bad = store.submit(note("taken"), give("a", 10)).durable
        await recovering.wait()
        late = store.submit(give("a", 1))
        go_on.set()
        assert await late.durable == (2,)
        with pytest.raises(StorageUnavailable):
            await bad
        assert await coins(store, "a") == 2


def undeclared(rows: Rows) -> None:
    rows.get(purse_key("other"))


def unknown_table(rows: Rows) -> None:
    rows.add("no_table", {"id": "1"})


def unknown_column(rows: Rows) -> None:
    rows.add("note", {"id": "1", "text": SECRET})


def missing_column(rows: Rows) -> None:
    rows.put(purse_key("a"), {"id": "a", "coins": 1})


def wrong_key(rows: Rows) -> None:
    rows.put(purse_key("a"), purse("b"))


def unsupported_value(rows: Rows) -> None:
    rows.put(purse_key("a"), purse("a") | {"coins": {SECRET: 1}})


def too_large(rows: Rows) -> None:
    rows.put(purse_key("a"), purse("a", 2**63))


def surrogate(rows: Rows) -> None:
    rows.add("note", {"id": "\udc00"})


def null(rows: Rows) -> None:
    rows.put(purse_key("a"), purse("a") | {"coins": None})


def broken(rows: Rows) -> None:
    raise ValueError(SECRET)


@pytest.mark.parametrize(
    "fold",
    [
        undeclared,
        unknown_table,
        unknown_column,
        missing_column,
        wrong_key,
        unsupported_value,
        too_large,
        surrogate,
        null,
        broken,
    ],
)
async def test_a_faulty_operation_fails_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fold: Callable[[Rows], Any]
) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        faulty = store.commit(note("f"), Op((purse_key("a"),), fold))
        answers = await asyncio.gather(
            store.commit(note("1")), faulty, store.commit(note("2")), return_exceptions=True
        )
        assert isinstance(answers[1], StorageUnavailable)
        assert [answers[0], answers[2]] == [(None,), (None,)]
        assert await count(store) == 2
        assert await store.commit(give("a", 1)) == (1,)
    assert "alarm" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "key", [purse_key("\udc00"), Key("no_table", ("a",)), Key("seat", ("hall", 2**70))]
)
async def test_a_key_that_can_not_be_looked_up_fails_alone(tmp_path: Path, key: Key) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        faulty = store.commit(Op((key,), lambda rows: None))
        answers = await asyncio.gather(
            store.commit(give("a", 1)), faulty, store.commit(give("b", 1)), return_exceptions=True
        )
        assert isinstance(answers[1], StorageUnavailable)
        assert [answers[0], answers[2]] == [(1,), (1,)]


async def test_a_fresh_key_that_exists_fails_alone(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(make("on the disk", 1))
        assert await store.commit(make("in memory", 1), note("n")) == (None, None)
        for name in ("on the disk", "in memory"):
            with pytest.raises(StorageUnavailable):
                await store.commit(make(name, 9))
    async with fresh_store(tmp_path, TABLES) as store:
        twice = store.commit(make("new", 1)), store.commit(make("new", 2))
        answers = await asyncio.gather(*twice, return_exceptions=True)
        assert answers[0] == (None,)
        assert isinstance(answers[1], StorageUnavailable)
        assert await coins(store, "new") == 1
    async with fresh_store(tmp_path, TABLES) as store:
        ahead = store.commit(note("m"), give("a", 3))
        answers = await asyncio.gather(
            ahead, store.commit(make("on the disk", 9)), return_exceptions=True
        )
        assert isinstance(answers[1], StorageUnavailable)
        assert answers[0] == (None, 3)
        assert await coins(store, "on the disk") == 1


def ask(ticket: Ticket) -> None:
    _ = ticket.visible, ticket.durable


async def test_errors_that_nobody_awaits_are_not_logged_as_lost(tmp_path: Path) -> None:
    lost: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(note("taken"))
        for _ in range(3):
            ask(store.submit(note("taken")))
        await until(lambda: store.stats().failures >= 3)
        await store.commit(note("free"))
    gc.collect()
    await asyncio.sleep(0)
    assert lost == []
