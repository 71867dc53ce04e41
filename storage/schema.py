"""The shape of each table's rows: a row is a tuple in column order inside the store, a dict outside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, cast

from sqlalchemy import LargeBinary, MetaData, Table, Text
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from storage.errors import BadCommit
from storage.op import Row

Values = tuple[Any, ...]

SMALL_ROW_BYTES: Final = 128
UNCACHED: Final = {"cached": False}
"""The ``info`` of a table whose rows are written once and hardly looked up again."""


class Shape:
    """One table's columns, its primary key, and the conversion between dicts and tuples. ``cached`` is
    whether its rows are worth their memory once they are on the disk (UNCACHED says they are not)."""

    __slots__ = (
        "_columns",
        "_defaults",
        "_pick",
        "_width",
        "cached",
        "columns",
        "key_columns",
        "key_of",
        "table",
        "wide",
    )

    def __init__(self, table: Table) -> None:
        self.table = table
        self.cached: bool = table.info.get("cached", True)
        self.columns = tuple(column.name for column in table.columns)
        self.key_columns = tuple(column.name for column in table.primary_key.columns)
        self._columns = frozenset(self.columns)
        self._width = len(self.columns)
        key_at = tuple(self.columns.index(name) for name in self.key_columns)
        self.key_of = _key_of(key_at)
        self._pick = _picker(self.columns)
        self._defaults = dict(_defaults(table))
        wide = (LargeBinary, Text)
        self.wide = tuple(at for at, column in enumerate(table.columns) if isinstance(column.type, wide))

    def values(self, row: Row) -> Values:
        """The row in column order; columns that it leaves out take their default or NULL.

        Raises BadCommit when it names an unknown column or leaves out one that has no default.
        """
        if len(row) != self._width:
            row = {**self._defaults, **row}
            if len(row) != self._width:
                raise BadCommit(self._complaint(row))
        try:
            return self._pick(row)
        except KeyError:
            raise BadCommit(self._complaint(row)) from None

    def weight(self, values: Values) -> int:
        """About how many bytes the row takes on its way to the disk; blobs and texts are counted."""
        total = SMALL_ROW_BYTES
        for at in self.wide:
            if value := values[at]:
                total += len(value)
        return total

    def _complaint(self, row: Row) -> str:
        unknown = row.keys() - self._columns
        if unknown:
            return f"table {self.table.name} has no column {', '.join(sorted(unknown))}"
        missing = self._columns - row.keys()
        return f"a row of {self.table.name} lacks {', '.join(sorted(missing))}"


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


def _key_of(key_at: Sequence[int]) -> Callable[[Values], Values]:
    """The primary key's values of a row, always as a tuple."""
    pick: Any = itemgetter
    picker = pick(slice(key_at[0], key_at[0] + 1)) if len(key_at) == 1 else pick(*key_at)
    return cast("Callable[[Values], Values]", picker)


def _defaults(table: Table) -> Iterable[tuple[str, Any]]:
    for column in table.columns:
        if isinstance(column.default, ScalarElementColumnDefault):
            yield column.name, column.default.arg
        elif column.nullable or column is table.autoincrement_column:
            yield column.name, None
