"""Where the chain lives: py-evm's key-value store, an index of logs and a few facts in one SQLite file.

A block and its logs are one transaction with ``synchronous=FULL``: after a crash at any moment the chain
is as it was after its last block, and no start has to execute old transactions again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth.abc import AtomicWriteBatchAPI
from eth.db.atomic import AtomicDBWriteBatch
from eth.db.backends.base import BaseAtomicDB

_SCHEMA: Final = """
create table if not exists node(key blob primary key, value blob not null) without rowid;
create table if not exists fact(name text primary key, value text not null) without rowid;
create table if not exists log(
    block integer not null, position integer not null, tx_index integer not null, tx_hash blob not null,
    address blob not null, topic0 blob, topic1 blob, topic2 blob, topic3 blob, data blob not null,
    primary key (block, position)
) without rowid;
create table if not exists undo(
    block integer not null, key blob not null, value blob, primary key (block, key)
) without rowid;
create index if not exists log_topic on log(topic0, topic1, topic2);
"""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An event as the index holds it; ``position`` counts within the block."""

    block: int
    position: int
    tx_index: int
    tx_hash: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


class Disk(BaseAtomicDB):
    """A mapping of bytes to bytes for py-evm; writes count when ``committing`` ends.

    One process has the file to itself; another that opens it gets sqlite3.OperationalError after
    ``wait_s``.
    """

    def __init__(self, path: Path, wait_s: float = 5.0) -> None:
        self._db = sqlite3.connect(path, timeout=wait_s, isolation_level=None)
        self._db.execute("pragma locking_mode=exclusive")
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        self._db.executescript(_SCHEMA)
        self._block: int | None = None

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def committing(self, block: int | None = None) -> Iterator[None]:
        """All writes inside apply together, or none when it raises. What a ``block`` overwrites is kept,
        so that it can be rolled back."""
        self._db.execute("begin immediate")
        self._block = block
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        finally:
            self._block = None
        self._db.execute("commit")

    def roll_back(self, first: int) -> None:
        """Undo block ``first`` and all after it, inside ``committing``."""
        rows = self._db.execute(
            "select key, value from undo where block >= ? order by block desc", (first,)
        ).fetchall()
        for key, value in rows:
            if value is None:
                del self[key]
            else:
                self[key] = value
        self._db.execute("delete from undo where block >= ?", (first,))
        self._db.execute("delete from log where block >= ?", (first,))

    def forget_undo(self, before: int) -> None:
        """Blocks before this one can't be rolled back any more."""
        self._db.execute("delete from undo where block < ?", (before,))

    def _keep(self, key: bytes) -> None:
        if self._block is not None:
            self._db.execute(
                "insert or ignore into undo values (?, ?, (select value from node where key = ?))",
                (self._block, key, key),
            )

    def __getitem__(self, key: bytes) -> bytes:
        row = self._db.execute("select value from node where key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._keep(key)
        self._db.execute("insert or replace into node values (?, ?)", (key, value))

    def __delitem__(self, key: bytes) -> None:
        self._keep(key)
        self._db.execute("delete from node where key = ?", (key,))

    def _exists(self, key: bytes) -> bool:
        return self._db.execute("select 1 from node where key = ?", (key,)).fetchone() is not None

    @contextmanager
    def atomic_batch(self) -> Iterator[AtomicWriteBatchAPI]:
        with AtomicDBWriteBatch._commit_unless_raises(self) as batch:  # noqa: SLF001 - made for this
            yield batch

    def fact(self, name: str) -> str | None:
        row = self._db.execute("select value from fact where name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        self._db.execute("insert or replace into fact values (?, ?)", (name, value))

    def add_logs(self, entries: Sequence[LogEntry]) -> None:
        rows = [
            (e.block, e.position, e.tx_index, e.tx_hash, e.address, *_four(e.topics), e.data)
            for e in entries
        ]
        self._db.executemany("insert into log values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def logs(
        self,
        first: int,
        last: int,
        addresses: Sequence[bytes],
        topics: Sequence[Sequence[bytes]],
        limit: int,
    ) -> list[LogEntry]:
        """Logs of blocks first..last; an empty list of addresses or of a topic's values matches all."""
        clauses, values = ["block between ? and ?"], [first, last, *addresses]
        if addresses:
            clauses.append(f"address in ({_marks(addresses)})")
        for position, wanted in enumerate(topics):
            column = f"topic{position}"
            clauses.append(f"{column} in ({_marks(wanted)})" if wanted else f"{column} is not null")
            values.extend(wanted)
        query = f"select * from log where {' and '.join(clauses)} order by block, position limit ?"  # noqa: S608
        return [_entry(row) for row in self._db.execute(query, (*values, limit))]


def _marks(values: Sequence[bytes]) -> str:
    return ",".join("?" * len(values))


def _four(topics: tuple[bytes, ...]) -> tuple[bytes | None, ...]:
    return (*topics, None, None, None, None)[:4]


def _entry(row: tuple[Any, ...]) -> LogEntry:
    topics = tuple(topic for topic in row[5:9] if topic is not None)
    return LogEntry(row[0], row[1], row[2], row[3], row[4], topics, row[9])
