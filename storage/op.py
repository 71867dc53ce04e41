"""Operations and commits: what domain packages hand to the Store.

An ``Op`` names the mutable rows it touches and folds over them, pure and synchronous. The writer loads
the rows of a whole drain, folds the operations in arrival order, flushes the changes set-based and
commits once. Domain packages define their operations; storage knows nothing of their meaning.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Executable

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """One row by its primary key: values in the order of the table's primary key columns."""

    table: str
    pk: tuple[str | int | bytes, ...]


class Rows(Protocol):
    """The working set of a fold. Changes of a refused commit are discarded whole."""

    def get(self, key: Key) -> Row | None:
        """The current row (a copy), None when there is none. The key must be among the op's keys."""
        ...

    def put(self, key: Key, row: Row) -> None:
        """Insert or replace the row under one of the op's keys."""
        ...

    def delete(self, key: Key) -> None: ...

    def add(self, table: str, row: Row) -> None:
        """Append a row to an append-only table."""
        ...


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal is a result, never an exception: ``code`` says why, ``detail`` helps the message."""

    code: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Op:
    """One step: the keys it may get, put or delete, and the fold. A fold returns a value or Refused.

    ``fresh`` are further keys that nobody else can have made (a new random id): they are not looked up
    before the fold, and a collision is an alarm. A fold may run again after a failed commit: it
    touches nothing but its ``Rows``.
    """

    keys: tuple[Key, ...]
    fold: Callable[[Rows], Any]
    fresh: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticket:
    """Two moments of a submitted commit, each resolving to a tuple of one value per op, or Refused.

    ``visible``: folded, so every later operation sees it; a crash may still undo it.
    ``durable``: committed with synchronous=FULL. Raises StorageUnavailable when it could not be.
    Either may be left alone: nothing is logged about a future that nobody awaits.
    """

    visible: asyncio.Future[Any]
    durable: asyncio.Future[Any]


class Store(Protocol):
    """Grouped commits by one writer, reads beside it."""

    def submit(self, *ops: Op) -> Ticket:
        """Queue one Commit: its operations apply whole or not at all."""
        ...

    async def commit(self, *ops: Op) -> Any:
        """``await submit(*ops).durable``: a tuple of one value per op, or Refused, once it is durable."""
        ...

    async def read(self, statement: Executable) -> Sequence[Row]:
        """Run a SQLAlchemy Core select on a read connection."""
        ...
