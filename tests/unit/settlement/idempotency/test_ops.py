"""A key's life in the Store: taken, ended, freed, expired, taken over from a process that died."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from base.sealing import Sealed
from settlement.idempotency import ops
from settlement.idempotency.tables import TABLES
from storage.op import Refused
from storage.sqlite import SqliteStore
from tests.stores import fresh_store

USE = ops.Use("account", "key", "print", "run_1")
OTHER = ops.Use("account", "key", "print", "run_2")
RESULT = Sealed(b"salt", b"box")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with fresh_store(tmp_path, TABLES) as store:
        yield store


async def take(
    store: SqliteStore, use: ops.Use, *, lease: str = "mine", dead: str = "", now_ms: int = 0
) -> object:
    answer = await store.commit(ops.take(use, lease, frozenset({dead}), now_ms, now_ms + 100))
    return answer if isinstance(answer, Refused) else answer[0]


async def test_a_key_is_taken_once_and_then_answers(store: SqliteStore) -> None:
    assert await take(store, USE) is None
    running = await take(store, OTHER)
    assert isinstance(running, Refused)
    assert (running.code, running.detail["lease"]) == ("running", "mine")
    await store.commit(ops.end(USE, RESULT))
    assert await take(store, OTHER) == ops.Ended("run_1", RESULT)


async def test_another_request_is_a_mismatch(store: SqliteStore) -> None:
    await take(store, USE)
    other = await take(store, ops.Use("account", "key", "other", "run_3"))
    assert isinstance(other, Refused)
    assert other.code == "mismatch"


async def test_another_account_has_its_own_keys(store: SqliteStore) -> None:
    await take(store, USE)
    assert await take(store, ops.Use("stranger", "key", "other", "run_4")) is None


async def test_a_run_that_came_to_nothing_frees_its_key_and_one_that_ended_does_not(
    store: SqliteStore,
) -> None:
    await take(store, USE)
    await store.commit(ops.free(OTHER))
    assert isinstance(await take(store, OTHER), Refused)
    await store.commit(ops.free(USE))
    assert await take(store, OTHER) is None
    await store.commit(ops.end(OTHER, RESULT))
    await store.commit(ops.free(OTHER))
    assert await take(store, USE) == ops.Ended("run_2", RESULT)


async def test_a_key_of_a_dead_process_and_one_that_expired_are_free(store: SqliteStore) -> None:
    await take(store, USE, lease="gone")
    assert isinstance(await take(store, OTHER), Refused)
    assert await take(store, OTHER, dead="gone") is None
    assert await take(store, USE, now_ms=100) is None


async def test_only_what_expired_is_forgotten(store: SqliteStore) -> None:
    await take(store, USE)
    await store.commit(ops.forget("account", "key", 99))
    assert isinstance(await take(store, OTHER), Refused)
    await store.commit(ops.forget("account", "key", 100))
    assert await take(store, OTHER) is None
