"""Operations and commits: what domain packages hand to the Store.

An ``Op`` names the mutable rows it touches and folds over them, pure and synchronous. The writer folds
operations in the order they were submitted, over rows in memory, and writes what many commits changed
in one transaction. Domain packages define their operations; storage knows nothing of their meaning.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Executable

Row = dict[str, Any]


class Key(NamedTuple):
    """One row by its primary key: values in the order of the table's primary key columns."""

    table: str
    pk: tuple[str | int | bytes, ...]


class Rows(Protocol):
    """The working set of a fold. Changes of a refused commit are discarded whole."""

    def get(self, key: Key) -> Row | None:
        """The current row (a copy), None when there is none. The key must be one of the op's."""
        ...

    def put(self, key: Key, row: Row) -> None:
        """Insert or replace the whole row under one of the op's keys."""
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


class Ticket(Protocol):
    """Two moments of a submitted commit, each resolving to a tuple of one value per op, or Refused.

    ``visible``: folded, so every later operation sees it; a crash may still undo it.
    ``durable``: it, and every commit that it saw, is on the disk. A commit is written soon in any case;
    asking for ``durable`` has it written now. Raises StorageUnavailable when it could not be.
    Either may be left alone: nothing is logged about a future that nobody awaits.
    """

    @property
    def visible(self) -> asyncio.Future[Any]: ...

    @property
    def durable(self) -> asyncio.Future[Any]: ...


class Store(Protocol):
    """Grouped commits by one writer, reads beside it."""

    @property
    def lease(self) -> str:
        """The lease of this process, new at each opening: what it reserves carries it, so that the
        reservations of a dead process can be told apart."""
        ...

    def submit(self, *ops: Op) -> Ticket:
        """Queue one Commit: its operations apply whole or not at all."""
        ...

    async def commit(self, *ops: Op) -> Any:
        """``await submit(*ops).durable``: a tuple of one value per op or Refused, once it is durable."""
        ...

    async def read(self, statement: Executable) -> Sequence[Row]:
        """Run a SQLAlchemy Core select on a read connection."""
        ...
