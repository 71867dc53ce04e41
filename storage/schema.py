"""The shape of each table's rows: a row is a tuple in column order inside the store, a dict outside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, cast

from sqlalchemy import Column, LargeBinary, MetaData, String, Table
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from storage.errors import BadCommit
from storage.op import Row

Values = tuple[Any, ...]

_SMALL_ROW_BYTES: Final = 128


class Shape:
    """One table's columns, its primary key, and the conversion between dicts and tuples."""

    __slots__ = ("_columns", "_defaults", "_key_at", "_pick", "_wide", "columns", "key_columns", "table")

    def __init__(self, table: Table) -> None:
        self.table = table
        self.columns = tuple(column.name for column in table.columns)
        self.key_columns = tuple(column.name for column in table.primary_key.columns)
        self._columns = frozenset(self.columns)
        self._key_at = tuple(self.columns.index(name) for name in self.key_columns)
        self._pick = _picker(self.columns)
        self._defaults = dict(_defaults(table))
        self._wide = tuple(at for at, column in enumerate(table.columns) if _is_wide(column))

    def values(self, row: Row) -> Values:
        """The row in column order; columns that it leaves out take their default or NULL.

        Raises BadCommit when it names an unknown column or leaves out one that has no default.
        """
        if len(row) == len(self.columns):
            try:
                return self._pick(row)
            except KeyError:
                pass
        return self._pick(self._completed(row))

    def row(self, values: Values) -> Row:
        return dict(zip(self.columns, values, strict=False))

    def key_of(self, values: Values) -> Values:
        """The primary key's values."""
        return tuple([values[at] for at in self._key_at])

    def weight(self, values: Values) -> int:
        """About how many bytes the row takes on its way to the disk."""
        total = _SMALL_ROW_BYTES
        for at in self._wide:
            value = values[at]
            if value is not None:
                total += len(value)
        return total

    def _completed(self, row: Row) -> Row:
        unknown = row.keys() - self._columns
        if unknown:
            raise BadCommit(f"table {self.table.name} has no column {', '.join(sorted(unknown))}")
        missing = self._columns - row.keys() - self._defaults.keys()
        if missing:
            raise BadCommit(f"a row of {self.table.name} lacks {', '.join(sorted(missing))}")
        return {**self._defaults, **row}


def shapes_of(schemas: Iterable[MetaData]) -> Mapping[str, Shape]:
    """The shapes of all tables by name. Raises ValueError when two schemas declare the same name."""
    shapes: dict[str, Shape] = {}
    for schema in schemas:
        for table in schema.tables.values():
            if table.name in shapes and shapes[table.name].table is not table:
                raise ValueError(f"two packages declare a table named {table.name}")
            shapes[table.name] = Shape(table)
    return shapes


def _picker(columns: Sequence[str]) -> Callable[[Row], Values]:
    if len(columns) == 1:
        only = columns[0]
        return lambda row: (row[only],)
    pick: Any = itemgetter
    return cast("Callable[[Row], Values]", pick(*columns))


def _defaults(table: Table) -> Iterable[tuple[str, Any]]:
    for column in table.columns:
        if isinstance(column.default, ScalarElementColumnDefault):
            yield column.name, column.default.arg
        elif column.nullable or column is table.autoincrement_column:
            yield column.name, None


def _is_wide(column: Column[Any]) -> bool:
    return (
        isinstance(column.type, (LargeBinary, String)) and getattr(column.type, "length", None) is None
    )
