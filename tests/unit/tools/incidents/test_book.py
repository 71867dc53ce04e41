"""Incidents begin and end with what is ill, are kept over a restart, and don't flap."""

from pathlib import Path

from sqlalchemy import select

from storage.errors import StorageUnavailable
from tests.clocks import HandClock
from tests.stores import fresh_store
from tools.incidents.book import KEPT_MS, Incident, IncidentBook
from tools.incidents.tables import INCIDENT, TABLES

DOWN = {"engine:one": "down"}


def told(incidents: list[Incident]) -> list[tuple[str, str, bool]]:
    return [(one.component, one.state, one.ended_at_ms is None) for one in incidents]


async def test_an_incident_lasts_from_the_first_ill_look_to_the_first_good_one(tmp_path: Path) -> None:
    clock = HandClock()
    async with fresh_store(tmp_path, TABLES) as store:
        book = IncidentBook(store, clock)
        await book.see({})
        began = clock.at_ms
        await book.see(DOWN)
        clock.advance_s(5)
        await book.see({"engine:one": "suspect"})
        clock.advance_s(5)
        await book.see({"store": "failing"})
        found = list(await book.recent())
    assert told(found) == [("store", "failing", True), ("engine:one", "down", False)]
    assert (found[1].began_at_ms, found[1].ended_at_ms) == (began, began + 10_000)


async def test_what_falls_ill_again_at_once_was_one_incident(tmp_path: Path) -> None:
    clock = HandClock()
    async with fresh_store(tmp_path, TABLES) as store:
        book = IncidentBook(store, clock)
        for ill, wait_s in ((DOWN, 1), ({}, 60), (DOWN, 1), ({}, 61), (DOWN, 1), ({}, 1)):
            await book.see(ill)
            clock.advance_s(wait_s)
        found = await book.recent()
    assert [(one.ended_at_ms or 0) - one.began_at_ms for one in found] == [1000, 62_000]


async def test_the_next_process_ends_what_the_last_one_saw_begin(tmp_path: Path) -> None:
    clock = HandClock()
    async with fresh_store(tmp_path, TABLES) as store:
        await IncidentBook(store, clock).see(DOWN)
    clock.advance_s(600)
    async with fresh_store(tmp_path, TABLES) as store:
        book = IncidentBook(store, clock)
        await book.load()
        await book.see(DOWN)
        assert told(list(await book.recent())) == [("engine:one", "down", True)]
        await book.see({})
        assert told(list(await book.recent())) == [("engine:one", "down", False)]


async def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    clock = HandClock()
    async with fresh_store(tmp_path, TABLES) as store:
        works, commit = False, store.commit

        async def failing(*ops: object) -> object:
            if not works:
                raise StorageUnavailable("the disk is full")
            return await commit(*ops)  # type: ignore[arg-type] # as it was given

        store.commit = failing  # type: ignore[method-assign] # a store that fails
        book = IncidentBook(store, clock)
        try:
            await book.see({"store": "failing"})
        except StorageUnavailable:
            clock.advance_s(30)
        works = True
        await book.see({})
        found = await book.recent()
    assert [(one.component, (one.ended_at_ms or 0) - one.began_at_ms) for one in found] == [
        ("store", 30_000)
    ]


async def test_old_incidents_are_swept_and_open_ones_are_kept(tmp_path: Path) -> None:
    clock = HandClock()
    async with fresh_store(tmp_path, TABLES) as store:
        book = IncidentBook(store, clock)
        await book.see({"engine:one": "down", "log": "late"})
        await book.see({"log": "late"})
        clock.advance_s(KEPT_MS // 1000 + 1)
        assert await book.sweep() == 1
        rows = await store.read(select(INCIDENT))
        assert await book.recent() == []
    assert [row["component"] for row in rows] == ["log"]
