"""Pieces of a response: durable in their order while its job runs, until they expire or are deleted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from base.caller import Caller, CallerKind
from base.sealing import Sealer
from runtime.engine import Delta
from storage.errors import StorageUnavailable
from storage.sqlite import SqliteStore
from tests.clocks import HandClock
from tests.stores import fresh_store
from tools.jobs import ops
from tools.jobs.batch import BACKGROUND, Priority, Status, new_batch
from tools.jobs.tables import TABLES as JOBS
from tools.responses.pieces import Entry, PieceLog, PieceShelf
from tools.responses.tables import TABLES as RESPONSES

ID = "resp_chatcmpl_1"
TTL_S = 3600


@asynccontextmanager
async def shelf_of(folder: Path, clock: HandClock) -> AsyncIterator[PieceShelf]:
    """Where a job with that id runs."""
    async with fresh_store(folder, JOBS, RESPONSES) as store:
        caller = Caller(CallerKind.ACCOUNT, "acct_1")
        job = new_batch(
            caller,
            ID,
            seq="1",
            file_id="file_1",
            priority=Priority.HIGH,
            window_ms=3_600_000,
            at_ms=clock.now_ms(),
            keep_ms=1,
            endpoint=BACKGROUND,
        )
        await store.commit(ops.create(job.row(), 1))
        await move(store, Status.VALIDATING, Status.IN_PROGRESS)
        yield PieceShelf(store, Sealer(b"s" * 32), clock, TTL_S)


async def move(store: SqliteStore, of: Status, to: Status) -> None:
    await store.commit(ops.step(ID, {of}, to))


def texts(entries: list[Entry]) -> list[str]:
    return [entry[0] for entry in entries if isinstance(entry, list)]


async def test_what_comes_at_once_and_later_is_kept_in_order(tmp_path: Path) -> None:
    async with shelf_of(tmp_path, HandClock()) as shelf:
        log = PieceLog(shelf, ID)
        assert await log.open() == []
        log.begin(logprobs=True)
        log.add(Delta(0, "0"))
        with shelf.bells.listening(ID) as bell:
            async with asyncio.timeout(60):
                await bell.wait()
            last, entries = await shelf.all(ID)
        assert entries == [{"logprobs": True}, ["0", "", [], None]]
        log.add(Delta(0, "1"))
        log.add(Delta(0, "2"))
        await log.end()
        assert await shelf.after(ID, last) == (last + 1, [["1", "", [], None], ["2", "", [], None]])
        again = PieceLog(shelf, ID)
        assert texts(list(await again.open())) == ["0", "1", "2"]
        again.begin(logprobs=True)
        again.add(Delta(0, "3"))
        await again.end()
        assert texts((await shelf.all(ID))[1]) == ["0", "1", "2", "3"]


async def test_many_pages_are_read(tmp_path: Path) -> None:
    async with shelf_of(tmp_path, HandClock()) as shelf:
        for number in range(1, 251):
            await shelf.keep(ID, number, [[str(number), "", [], None]])
        assert texts((await shelf.all(ID))[1]) == [str(number) for number in range(1, 251)]
        await shelf.delete(ID)
        assert await shelf.all(ID) == (0, [])


async def test_nothing_is_kept_for_a_job_that_has_ended(tmp_path: Path) -> None:
    async with shelf_of(tmp_path, HandClock()) as shelf:
        await move(shelf.store, Status.IN_PROGRESS, Status.CANCELLING)  # type: ignore[arg-type] # a store
        log = PieceLog(shelf, ID)
        log.add(Delta(0, "late"))
        await log.end()
        assert await shelf.all(ID) == (0, [])


async def test_they_expire(tmp_path: Path) -> None:
    clock = HandClock()
    async with shelf_of(tmp_path, clock) as shelf:
        await shelf.keep(ID, 1, [["old", "", [], None]])
        clock.advance_s(TTL_S // 2)
        await shelf.keep(ID, 2, [["new", "", [], None]])
        assert await shelf.sweep() == 0
        clock.advance_s(TTL_S // 2)
        assert await shelf.sweep() == 1
        assert texts((await shelf.all(ID))[1]) == ["new"]


async def test_a_text_is_nowhere_in_clear(tmp_path: Path) -> None:
    async with shelf_of(tmp_path, HandClock()) as shelf:
        await shelf.keep(ID, 1, [["canary-3141", "", [], None]])
    assert b"canary-3141" not in stored_in(tmp_path)


def stored_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_an_attempt_that_can_not_be_kept_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shelf_of(tmp_path, HandClock()) as shelf:

        async def broken(*_: object) -> None:
            raise StorageUnavailable("The store could not write.")

        monkeypatch.setattr(type(shelf.store), "commit", broken)
        log = PieceLog(shelf, ID)
        log.add(Delta(0, "lost"))
        with pytest.raises(StorageUnavailable):
            await log.end()
        log.close()
