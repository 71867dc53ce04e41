"""Tables and operations that are small enough to reason about: purses of coins, and notes."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, String, Table

from storage.op import Key, Op, Refused, Row, Rows

TABLES: Final = MetaData()
PURSE: Final = Table(
    "purse",
    TABLES,
    Column("id", String, primary_key=True),
    Column("coins", BigInteger, nullable=False),
    Column("locked", Boolean, nullable=False),
)
NOTE: Final = Table(
    "note",
    TABLES,
    Column("id", String, primary_key=True),
    Column("body", LargeBinary),
)
SEAT: Final = Table(
    "seat",
    TABLES,
    Column("hall", String, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("guest", String),
)


def purse_key(name: str) -> Key:
    return Key("purse", (name,))


def give(name: str, coins: int) -> Op:
    """Add coins, making the purse at need: what it holds then, or Refused when it would owe."""
    key = purse_key(name)

    def fold(rows: Rows) -> int | Refused:
        row = rows.get(key) or purse(name)
        row["coins"] += coins
        if row["coins"] < 0:
            return Refused("insufficient")
        rows.put(key, row)
        return int(row["coins"])

    return Op((key,), fold)


def make(name: str, coins: int = 0) -> Op:
    """A purse whose name is new."""
    key = purse_key(name)
    return Op((), lambda rows: rows.put(key, purse(name, coins)), fresh=(key,))


def drop(name: str) -> Op:
    key = purse_key(name)

    def fold(rows: Rows) -> bool:
        found = rows.get(key) is not None
        rows.delete(key)
        return found

    return Op((key,), fold)


def note(name: str, body: bytes = b"") -> Op:
    """A note whose name must be new: a second one is refused by the database."""
    return Op((), lambda rows: rows.add("note", {"id": name, "body": body}))


def refuse(code: str) -> Op:
    return Op((), lambda rows: Refused(code))


def seat(hall: str, number: int, guest: str) -> Op:
    key = Key("seat", (hall, number))

    def fold(rows: Rows) -> str | None:
        before = rows.get(key)
        rows.put(key, {"hall": hall, "number": number, "guest": guest})
        return before["guest"] if before else None

    return Op((key,), fold)


def purse(name: str, coins: int = 0) -> Row:
    return {"id": name, "coins": coins, "locked": False}


@contextmanager
def stuck_disk(path: Path) -> Iterator[None]:
    """While it lasts, no flush gets on: another connection holds the database's write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


async def until(condition: Callable[[], bool], seconds: float = 4.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.001)


async def in_time(awaitable: Awaitable[Any], seconds: float = 4.0) -> Any:
    """Less than the time that a flush waits for a stuck disk."""
    return await asyncio.wait_for(awaitable, seconds)
