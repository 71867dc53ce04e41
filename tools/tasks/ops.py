"""The steps of a task's life, each an operation on the Store."""

from collections.abc import Mapping, Sequence
from typing import Any

from base.sealing import Sealed
from storage.op import Op, Refused, Row, Rows
from tools.tasks.task import (
    UNFINISHED,
    Status,
    Task,
    columns,
    input_key,
    task_key,
)


def create(row: Row) -> Op:
    """Insert the row of a new task."""
    key = task_key(row["id"])
    return Op((), lambda rows: rows.put(key, dict(row)), fresh=(key,))


def change(task: str, lease: str, at_ms: int, **changes: Any) -> Op:
    """Change an unfinished task of this process; Refused ``state`` when it is neither."""
    key = task_key(task)

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(key)
        if row is None or row["status"] not in UNFINISHED or row["lease"] != lease:
            return _elsewhere(row)
        row.update(changes, updated_at_ms=at_ms)
        rows.put(key, row)
        return None

    return Op((key,), fold)


def take(task: str, dead: str, lease: str, at_ms: int) -> Op:
    """Take up the unfinished task of a process that is gone: the Task, or Refused ``state``.

    What it had asked is void: the call begins anew.
    """
    key = task_key(task)

    def fold(rows: Rows) -> Task | Refused:
        row = rows.get(key)
        if row is None or row["status"] not in UNFINISHED or row["lease"] != dead:
            return _elsewhere(row)
        row.update(status=Status.WORKING.value, pending=0, lease=lease, updated_at_ms=at_ms)
        rows.put(key, row)
        return Task.from_row(row)

    return Op((key,), fold)


def ask(task: str, lease: str, requests: Mapping[str, Sealed], at_ms: int) -> Op:
    """Wait for the caller's answers to these requests, whose names are new."""
    key = task_key(task)
    names = {name: input_key(task, name) for name in requests}

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(key)
        if row is None or row["status"] not in UNFINISHED or row["lease"] != lease:
            return _elsewhere(row)
        for name, request in requests.items():
            asked = columns("request", request) | columns("response", None)
            rows.put(names[name], {"task": task, "name": name, **asked})
        pending = row["pending"] + len(requests)
        row.update(status=Status.INPUT_REQUIRED.value, pending=pending, updated_at_ms=at_ms)
        rows.put(key, row)
        return None

    return Op((key,), fold, fresh=tuple(names.values()))


def answer(task: str, responses: Mapping[str, Sealed], at_ms: int) -> Op:
    """Take the answers that are still awaited, and pass over the rest: how many were taken."""
    key = task_key(task)
    names = {name: input_key(task, name) for name in responses}

    def fold(rows: Rows) -> int:
        row = rows.get(key)
        if row is None or row["status"] != Status.INPUT_REQUIRED:
            return 0
        taken = 0
        for name, response in responses.items():
            asked = rows.get(names[name])
            if asked is not None and asked["response_salt"] is None:
                rows.put(names[name], asked | columns("response", response))
                taken += 1
        if taken:
            pending = row["pending"] - taken
            status = Status.INPUT_REQUIRED if pending else Status.WORKING
            row.update(status=status.value, pending=pending, updated_at_ms=at_ms)
            rows.put(key, row)
        return taken

    return Op((key, *names.values()), fold)


def cancel(task: str, at_ms: int) -> Op:
    """Ask whoever runs the task to stop; nothing when it ended."""
    key = task_key(task)

    def fold(rows: Rows) -> None:
        row = rows.get(key)
        if row is not None and row["status"] in UNFINISHED:
            row.update(cancelling=True, updated_at_ms=at_ms)
            rows.put(key, row)

    return Op((key,), fold)


def forget(task: str, names: Sequence[str]) -> Op:
    """Delete a task and what it asked."""
    keys = (task_key(task), *(input_key(task, name) for name in names))

    def fold(rows: Rows) -> None:
        for key in keys:
            rows.delete(key)

    return Op(keys, fold)


def _elsewhere(row: Row | None) -> Refused:
    return Refused("state", {"status": row["status"] if row else "unknown"})
