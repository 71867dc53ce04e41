"""Folding a commit over the rows in memory: pure, and nothing changes when it is refused."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from storage.errors import BadCommit
from storage.op import Key, Op, Refused, Row
from storage.schema import Shape, Values
from storage.workingset import UNKNOWN, Known, WorkingSet

_NO_OP: Final = Op((), lambda _: None)
_MANY: Final = 16  # from so many keys on a set finds one sooner than a tuple does
_HEAVY_BYTES: Final = 1024
"""A row beyond this (a record, a stored answer) is not worth its memory once it is on the disk."""


class Changes:
    """What one commit changes, and the ``Rows`` that its folds see: these changes over what is known."""

    __slots__ = ("_known", "_named", "_op", "_shapes", "added", "fresh", "heavy", "rows", "weight")

    def __init__(self, known: WorkingSet, shapes: Mapping[str, Shape]) -> None:
        self._known = known
        self._shapes = shapes
        self._op = _NO_OP
        self._named: Collection[Key] = ()
        self.rows: dict[Key, Known] = {}
        self.fresh: list[Key] = []
        self.heavy: list[Key] = []
        self.added: list[tuple[str, Values]] = []
        self.weight = 0

    @property
    def empty(self) -> bool:
        return not self.rows and not self.added

    def run(self, op: Op) -> Any:
        self._op = op
        self._named = op.keys if len(op.keys) < _MANY else frozenset(op.keys)
        return op.fold(self)

    def get(self, key: Key) -> Row | None:
        self._declared(key)
        values = self._now(key)
        return None if values is None else self._shapes[key.table].row(values)

    def put(self, key: Key, row: Row) -> None:
        self._declared(key)
        shape = self._shape(key.table)
        values = shape.values(row)
        if shape.key_of(values) != key.pk:
            raise BadCommit(f"a row of {key.table} was put under another row's key")
        if key in self._op.fresh and key not in self.rows:
            if self._now(key) is not None:
                raise BadCommit(f"a fresh key of {key.table} exists already")
            self.fresh.append(key)
        weight = shape.weight(values)
        if weight > _HEAVY_BYTES:
            self.heavy.append(key)
        self.weight += weight
        self.rows[key] = values

    def delete(self, key: Key) -> None:
        self._declared(key)
        self.rows[key] = None

    def add(self, table: str, row: Row) -> None:
        shape = self._shape(table)
        values = shape.values(row)
        self.weight += shape.weight(values)
        self.added.append((table, values))

    def _now(self, key: Key) -> Known:
        values = self.rows.get(key, UNKNOWN)
        if values is UNKNOWN:
            values = self._known.find(key)
        return None if values is UNKNOWN else values

    def _declared(self, key: Key) -> None:
        if key not in self._named and key not in self._op.fresh:
            raise BadCommit(f"an operation touched a row of {key.table} that it does not name")

    def _shape(self, table: str) -> Shape:
        shape = self._shapes.get(table)
        if shape is None:
            raise BadCommit(f"there is no table {table}")
        return shape


def fold(ops: tuple[Op, ...], changes: Changes) -> Any:
    """Run the operations in order: a tuple of their values, or the first refusal.

    Raises BadCommit when one breaks the rules of ``Rows`` or fails: a fault of the program.
    """
    values = []
    for op in ops:
        try:
            value = changes.run(op)
        except BadCommit:
            raise
        except Exception as error:
            raise BadCommit(f"{_place(error)} raised {type(error).__name__}") from error
        if isinstance(value, Refused):
            return value
        values.append(value)
    return tuple(values)


def _place(error: Exception) -> str:
    """Where it was raised. The error's own text stays out of the log: it may hold a row's contents."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "a fold"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
