"""The tasks in the Store: whatever of a task must outlive a request or a process is here."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Select, select

from base.clock import Clock
from base.sealing import Sealer
from storage.errors import StorageUnavailable
from storage.op import Refused, Store
from storage.tables import LEASE
from tools.tasks import ops
from tools.tasks.tables import TASK, TASK_INPUT
from tools.tasks.task import UNFINISHED, Ended, Status, Task, columns, sealed

_ID_BYTES: Final = 32
_PREFIX: Final = "task_"
_LONGEST_NAME: Final = 128
MOST_ANSWERS: Final = 64
"""Answers that are looked at in one update."""


@dataclass(frozen=True, slots=True)
class TaskBook:
    """Contents are sealed at rest. A task is found by its caller alone, until ``ttl_s`` after its
    creation; who called without an account is known by the id itself."""

    store: Store
    sealer: Sealer
    clock: Clock
    ttl_s: int

    async def create(
        self, tool: str, run_id: str, owner: str | None, call: bytes, output: bytes | None
    ) -> tuple[str, Task]:
        """A new task, durable when this returns: its id, told once, and its row.

        ``output`` is what the call has produced already, if it has. Raises StorageUnavailable.
        """
        task_id = _PREFIX + secrets.token_urlsafe(_ID_BYTES)
        now_ms = self.clock.now_ms()
        kept = None if output is None else self.sealer.seal(output)
        row = {
            "id": _hash(task_id),
            "owner": owner or "",
            "tool": tool,
            "run_id": run_id,
            "status": Status.WORKING.value,
            "message": "",
            "lease": self.store.lease,
            "cancelling": False,
            "pending": 0,
            **columns("call", self.sealer.seal(call)),
            **columns("content", kept),
            "created_at_ms": now_ms,
            "updated_at_ms": now_ms,
            "expires_at_ms": now_ms + self.ttl_s * 1000,
        }
        await self.store.commit(ops.create(row))
        return task_id, Task.from_row(row)

    async def find(self, task_id: str, account_id: str | None) -> Task | None:
        """The caller's task; None when there is none, when it is another's and when it expired."""
        rows = await self.store.read(select(TASK).where(TASK.c.id == _hash(task_id)))
        if not rows:
            return None
        task = Task.from_row(rows[0])
        if task.owner not in ("", account_id) or task.expires_at_ms <= self.clock.now_ms():
            return None
        return task

    def content(self, task: Task) -> Any:
        """The opened result or error of a task that ended, the output of one that works, or None."""
        return None if task.content is None else orjson.loads(self.sealer.open(task.content))

    async def requests(self, task: Task) -> dict[str, Any]:
        """What the task asks and was not answered yet."""
        rows = await self.store.read(_inputs(task.id).where(TASK_INPUT.c.response_salt.is_(None)))
        return {row["name"]: self._open(row, "request") for row in rows}

    async def answer(self, task: Task, responses: Mapping[str, Any]) -> None:
        """Answers of the caller; those that nobody waits for are passed over."""
        named = [name for name in responses if len(name) <= _LONGEST_NAME][:MOST_ANSWERS]
        boxes = {name: self.sealer.seal(orjson.dumps(responses[name])) for name in named}
        await self.store.commit(ops.answer(task.id, boxes, self.clock.now_ms()))

    async def cancel(self, task: Task) -> None:
        """Ask for the end of a task, whichever process runs it."""
        await self.store.commit(ops.cancel(task.id, self.clock.now_ms()))

    def tell(self, task: str, message: str) -> None:
        """Say how far a task of this process is; soon durable, lost with a crash."""
        self.store.submit(ops.change(task, self.store.lease, self.clock.now_ms(), message=message))

    async def keep(self, task: str, output: bytes) -> None:
        """Keep the output of a task of this process before anything is charged for it.

        Raises StorageUnavailable, also when another process has taken the task up.
        """
        kept = columns("content", self.sealer.seal(output))
        step = ops.change(task, self.store.lease, self.clock.now_ms(), **kept)
        if isinstance(await self.store.commit(step), Refused):
            raise StorageUnavailable("This task was taken up by another process.")

    async def ask(self, task: str, requests: Mapping[str, Any]) -> dict[str, str]:
        """Ask the caller: the name of each request as the caller sees it, never used again."""
        names = {name: f"{name}-{secrets.token_hex(4)}" for name in requests}
        boxes = {names[name]: self.sealer.seal(orjson.dumps(requests[name])) for name in requests}
        await self.store.commit(ops.ask(task, self.store.lease, boxes, self.clock.now_ms()))
        return names

    async def answers(self, task: str, names: Mapping[str, str]) -> dict[str, Any] | None:
        """The answers to what ``ask`` named, None until all are there."""
        rows = await self.store.read(_inputs(task).where(TASK_INPUT.c.response_salt.is_not(None)))
        found = {row["name"]: self._open(row, "response") for row in rows}
        if not found.keys() >= set(names.values()):
            return None
        return {name: found[asked] for name, asked in names.items()}

    async def finish(self, task: str, ended: Ended) -> bool:
        """End a task of this process; its call is unreadable from then on. Whether it was unfinished."""
        content = None if ended.content is None else self.sealer.seal(orjson.dumps(ended.content))
        done = await self.store.commit(
            ops.change(
                task,
                self.store.lease,
                self.clock.now_ms(),
                status=ended.status.value,
                message=ended.message,
                **columns("call", None),
                **columns("content", content),
            )
        )
        return not isinstance(done, Refused)

    async def mine(self) -> Sequence[Task]:
        """The unfinished tasks of this process."""
        return await self._unfinished(TASK.c.lease == self.store.lease)

    async def orphans(self) -> Sequence[Task]:
        """The unfinished tasks of processes that are gone."""
        alive = select(LEASE.c.id)
        return await self._unfinished(TASK.c.lease.not_in(alive) & (TASK.c.lease != self.store.lease))

    async def take(self, task: Task) -> Task | None:
        """Take up an orphan; None when another process was faster."""
        taken = await self.store.commit(
            ops.take(task.id, task.lease, self.store.lease, self.clock.now_ms())
        )
        return None if isinstance(taken, Refused) else taken[0]

    async def sweep(self) -> int:
        """Delete the tasks that expired and ended: how many there were."""
        gone = select(TASK.c.id).where(
            TASK.c.expires_at_ms <= self.clock.now_ms(), TASK.c.status.not_in(UNFINISHED)
        )
        expired = [row["id"] for row in await self.store.read(gone)]
        for task in expired:
            names = [row["name"] for row in await self.store.read(_inputs(task))]
            await self.store.commit(ops.forget(task, names))
        return len(expired)

    async def _unfinished(self, condition: Any) -> Sequence[Task]:
        query = select(TASK).where(TASK.c.status.in_(UNFINISHED), condition)
        return [Task.from_row(row) for row in await self.store.read(query)]

    def _open(self, row: Mapping[str, Any], name: str) -> Any:
        box = sealed(dict(row), name)
        return None if box is None else orjson.loads(self.sealer.open(box))


def _hash(task_id: str) -> str:
    return hashlib.sha256(task_id.encode()).hexdigest()


def _inputs(task: str) -> Select[Any]:
    return select(TASK_INPUT).where(TASK_INPUT.c.task == task)
