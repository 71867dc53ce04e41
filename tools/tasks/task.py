"""A task as its row tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from base.sealing import Sealed
from storage.op import Key, Row


class Status(StrEnum):
    """Where a task stands (MCP Tasks extension 2026-07-28, Task Status)."""

    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED: Final = frozenset({Status.WORKING, Status.INPUT_REQUIRED})


@dataclass(frozen=True, slots=True)
class Ended:
    """How a task ended: ``content`` is its result when it completed, its error when it failed."""

    status: Status
    content: Mapping[str, Any] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One task. ``id`` is the hash of what its caller calls it; ``content`` is its sealed output while
    it works, its sealed result or error once it ended."""

    id: str
    owner: str
    tool: str
    run_id: str
    status: Status
    message: str
    lease: str
    cancelling: bool
    call: Sealed | None
    content: Sealed | None
    created_at_ms: int
    updated_at_ms: int
    expires_at_ms: int

    @classmethod
    def from_row(cls, row: Row) -> "Task":
        return cls(
            id=row["id"],
            owner=row["owner"],
            tool=row["tool"],
            run_id=row["run_id"],
            status=Status(row["status"]),
            message=row["message"],
            lease=row["lease"],
            cancelling=bool(row["cancelling"]),
            call=sealed(row, "call"),
            content=sealed(row, "content"),
            created_at_ms=row["created_at_ms"],
            updated_at_ms=row["updated_at_ms"],
            expires_at_ms=row["expires_at_ms"],
        )


def sealed(row: Row, name: str) -> Sealed | None:
    """A sealed content of a row, None where there is none."""
    salt = row[f"{name}_salt"]
    return None if salt is None else Sealed(bytes(salt), bytes(row[f"{name}_box"]))


def columns(name: str, content: Sealed | None) -> dict[str, bytes | None]:
    """The two columns that hold a sealed content."""
    if content is None:
        return {f"{name}_salt": None, f"{name}_box": None}
    return {f"{name}_salt": content.salt, f"{name}_box": content.box}


def task_key(task: str) -> Key:
    return Key("task", (task,))


def input_key(task: str, name: str) -> Key:
    return Key("task_input", (task, name))
