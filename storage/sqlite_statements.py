"""SQLite's statements of one table, from SQLAlchemy Core, each compiled once."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Boolean, ClauseElement, and_, bindparam, delete, insert, select, tuple_
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from storage.schema import Shape, Values

_DIALECT: Final = sqlite.dialect(paramstyle="qmark")
_KEYS_AT_ONCE: Final = (1, 8, 64, 512)


class Statements:
    """The texts of one table; their parameters and rows stand in column order."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._key = [shape.table.columns[name] for name in shape.key_columns]
        self._selects: dict[int, str] = {}
        self._booleans = [
            at for at, column in enumerate(shape.table.columns) if isinstance(column.type, Boolean)
        ]
        self.insert = _text(insert(shape.table))
        self.upsert = _text(self._upsert())
        self.delete = _text(self._delete())

    def select(self, keys: Sequence[Values]) -> Iterator[tuple[str, list[Any]]]:
        """Statements that read the rows of these keys, and their parameters.

        A few sizes are compiled; the last key fills up the rest of one.
        """
        rest = iter(keys)
        while chunk := list(islice(rest, _KEYS_AT_ONCE[-1])):
            size = next(size for size in _KEYS_AT_ONCE if size >= len(chunk))
            chunk += chunk[-1:] * (size - len(chunk))
            yield self._select(size), [value for key in chunk for value in key]

    def read(self, found: Values) -> Values:
        """A row as the driver gave it, with the types of its columns: SQLite has no booleans."""
        if not self._booleans:
            return found
        values = list(found)
        for at in self._booleans:
            if values[at] is not None:
                values[at] = bool(values[at])
        return tuple(values)

    def _select(self, size: int) -> str:
        text = self._selects.get(size)
        if text is None:
            nothing = [None] * len(self._key)
            found = tuple_(*self._key).in_([nothing] * size)
            if len(self._key) == 1:
                found = self._key[0].in_(nothing * size)
            text = self._selects[size] = _text(select(self._shape.table).where(found))
        return text

    def _delete(self) -> ClauseElement:
        named = (
            column == bindparam(f"key_{at}", type_=column.type) for at, column in enumerate(self._key)
        )
        return delete(self._shape.table).where(and_(*named))

    def _upsert(self) -> ClauseElement:
        put = sqlite.insert(self._shape.table)
        rest = [name for name in self._shape.columns if name not in self._shape.key_columns]
        if not rest:
            return put.on_conflict_do_nothing()
        return put.on_conflict_do_update(
            index_elements=self._key, set_={name: put.excluded[name] for name in rest}
        )


def compiled(statement: ClauseElement) -> tuple[str, list[Any]]:
    """A statement's text and its parameters in order."""
    made = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    assert isinstance(made, SQLCompiler), "DDL has no business here"
    return made.string, [made.params[name] for name in made.positiontup or ()]


def _text(statement: ClauseElement) -> str:
    return compiled(statement)[0]
