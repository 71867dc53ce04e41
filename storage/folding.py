"""Folding a commit over the rows in memory: pure, and nothing changes when it is refused."""

from collections.abc import Mapping
from typing import Any, Final

from storage.errors import BadCommit
from storage.op import Key, Op, Refused, Row
from storage.schema import SMALL_ROW_BYTES, Shape, Values
from storage.workingset import UNKNOWN, Known

_NO_OP: Final = Op((), lambda _: None)
_HEAVY_BYTES: Final = 1024
"""A row beyond this (a record, a stored answer) is not worth its memory once it is on the disk.
Neither is one of a table that says so (storage.schema.UNCACHED)."""


class Changes:
    """What one commit changes, and the ``Rows`` that its folds see: these changes over ``view``, the
    rows of every key that its operations name."""

    __slots__ = ("_op", "_shapes", "_view", "added", "fresh", "heavy", "rows", "weight")

    def __init__(self, view: Mapping[Key, Known], shapes: Mapping[str, Shape]) -> None:
        self._view = view
        self._shapes = shapes
        self._op = _NO_OP
        self.rows: dict[Key, Known] = {}
        self.added: list[tuple[str, Values]] = []
        self.fresh: list[Key] = []
        self.heavy: list[Key] = []
        self.weight = 0

    @property
    def empty(self) -> bool:
        return not self.rows and not self.added

    def run(self, op: Op) -> Any:
        self._op = op
        return op.fold(self)

    def get(self, key: Key) -> Row | None:
        op = self._op
        if key not in op.keys and key not in op.fresh:
            raise _undeclared(key)
        values = self.rows.get(key, UNKNOWN)
        if values is UNKNOWN:
            values = self._view[key]
        if values is None:
            return None
        return dict(zip(self._shapes[key.table].columns, values))  # noqa: B905 - strict costs a third more

    def put(self, key: Key, row: Row) -> None:
        op = self._op
        fresh = key in op.fresh
        if not fresh and key not in op.keys:
            raise _undeclared(key)
        shape = self._shapes[key.table]
        values = shape.values(row)
        if shape.key_of(values) != key.pk:
            raise BadCommit(f"a row of {key.table} was put under another row's key")
        if fresh and key not in self.rows:
            if self._view[key] is not None:
                raise BadCommit(f"a fresh key of {key.table} exists already")
            self.fresh.append(key)
        self.rows[key] = values
        weight = shape.weight(values) if shape.wide else SMALL_ROW_BYTES
        self.weight += weight
        if weight > _HEAVY_BYTES or not shape.cached:
            self.heavy.append(key)

    def delete(self, key: Key) -> None:
        op = self._op
        if key not in op.keys and key not in op.fresh:
            raise _undeclared(key)
        self.rows[key] = None

    def add(self, table: str, row: Row) -> None:
        shape = self._shapes[table]
        values = shape.values(row)
        self.weight += shape.weight(values) if shape.wide else SMALL_ROW_BYTES
        self.added.append((table, values))


def fold(ops: tuple[Op, ...], changes: Changes) -> Any:
    """Run the operations in order: a tuple of their values, or the first refusal.

    Raises BadCommit when one breaks the rules of ``Rows`` or fails: a fault of the program.
    """
    values = []
    try:
        for op in ops:
            value = changes.run(op)
            if isinstance(value, Refused):
                return value
            values.append(value)
    except BadCommit:
        raise
    except Exception as error:
        raise BadCommit(f"{_place(error)} raised {type(error).__name__}") from error
    return tuple(values)


def _undeclared(key: Key) -> BadCommit:
    return BadCommit(f"an operation touched a row of {key.table} that it does not name")


def _place(error: Exception) -> str:
    """Where it was raised. The error's own text stays out of the log: it may hold a row's contents."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "a fold"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
