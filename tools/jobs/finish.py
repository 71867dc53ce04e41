"""The end of a batch: its output written, its records rooted, its hold ended, its news queued."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from base.sealing import Sealed
from settlement.evidence.frontier import Frontier
from settlement.ledger.ops import void
from storage.op import Op, Refused, Row
from tools.files import ops as file_ops
from tools.files.file import OUTPUT, File
from tools.files.upload import Upload
from tools.jobs import ops
from tools.jobs.batch import Batch, Status
from tools.jobs.outcome import not_run
from tools.jobs.parts import JobParts, Source
from tools.jobs.tables import BATCH_TASK

_PAGE: Final = 500
_RUNNING: Final = frozenset({Status.IN_PROGRESS, Status.CANCELLING, Status.FINALIZING})
_LEFT: Final = {
    Status.EXPIRED: ("batch_expired", "The completion window ended before this task could run."),
    Status.CANCELLED: ("batch_cancelled", "The batch was cancelled before this task ran."),
}


@dataclass(slots=True)
class _Written:
    """What the files of a batch hold so far; a file is begun with its first line."""

    output: Upload | None = None
    errors: Upload | None = None
    records: int = 0
    left: int = 0


class Finish:
    """Ends one batch. A crash in its midst begins it again; what it wrote is then a stray."""

    def __init__(self, parts: JobParts, batch: Batch, source: Source) -> None:
        self._parts = parts
        self._batch = batch
        self._source = source
        self._frontier = Frontier()

    async def run(self) -> None:
        """Raises StorageUnavailable, OSError; then it is to be run again."""
        parts, batch = self._parts, self._batch
        at_ms = parts.clock.now_ms()
        begun = ops.step(
            batch.id, _RUNNING, Status.FINALIZING, finalizing_at_ms=batch.finalizing_at_ms or at_ms
        )
        if isinstance(await parts.store.commit(begun), Refused):
            return
        async with AsyncExitStack() as stack:
            written = await self._write(stack)
            output, errors = await self._finished(written.output), await self._finished(written.errors)
            await self._commit(written, output, errors)

    async def _write(self, stack: AsyncExitStack) -> _Written:
        written = _Written()
        rows = self._rows()
        row = await anext(rows, None)
        async for task in self._source.tasks():
            if row is not None and row["number"] == task.number:
                await self._add(written, stack, row)
                row = await anext(rows, None)
                continue
            written.left += 1
            if not self._batch.inline:
                code, message = _LEFT[self._end(left=1)]
                line = not_run(task.number, task.custom_id, code, message)
                written.errors = await self._line(written.errors, stack, line)
        return written

    async def _add(self, written: _Written, stack: AsyncExitStack, row: Row) -> None:
        if row["digest"] is not None:
            self._frontier.add(row["digest"])
            written.records += 1
        if self._batch.inline:
            return
        line = self._parts.sealer.open(Sealed(row["salt"], row["box"]))
        if row["completed"]:
            written.output = await self._line(written.output, stack, line)
        else:
            written.errors = await self._line(written.errors, stack, line)

    async def _line(self, upload: Upload | None, stack: AsyncExitStack, line: bytes) -> Upload:
        into = upload
        if into is None:
            making = self._parts.files.making(self._batch.account_id)
            into = await stack.enter_async_context(making)
        await into.write(line + b"\n")
        return into

    async def _finished(self, upload: Upload | None) -> File | None:
        if upload is None:
            return None
        return await upload.written(f"{self._batch.id}.jsonl", OUTPUT, self._batch.output_life_s)

    async def _commit(self, written: _Written, output: File | None, errors: File | None) -> None:
        parts, batch = self._parts, self._batch
        at_ms = parts.clock.now_ms()
        status = self._end(written.left)
        made = [file for file in (output, errors) if file is not None]
        changes = {
            "output_file_id": output.id if output else None,
            "error_file_id": errors.id if errors else None,
            "records": written.records,
            "root": self._frontier.root() if written.records else None,
            "ended_at_ms": at_ms,
            "gone_at_ms": at_ms + parts.keep_s * 1000,
        }
        await parts.store.commit(
            ops.step(batch.id, frozenset({Status.FINALIZING}), status, **changes),
            *(parts.files.addition(file, space=file_ops.UNLIMITED) for file in made),
            *end_ops(batch, status, at_ms),
        )

    def _end(self, left: int) -> Status:
        if self._batch.cancelling_at_ms is not None:
            return Status.CANCELLED
        return Status.EXPIRED if left else Status.COMPLETED

    async def _rows(self) -> AsyncIterator[Row]:
        last = 0
        while True:
            query = (
                select(BATCH_TASK)
                .where(BATCH_TASK.c.batch_id == self._batch.id, BATCH_TASK.c.number > last)
                .order_by(BATCH_TASK.c.number)
                .limit(_PAGE)
            )
            rows = await self._parts.store.read(query)
            if not rows:
                return
            for row in rows:
                yield row
            last = rows[-1]["number"]


def end_ops(batch: Batch, status: Status, at_ms: int) -> tuple[Op, ...]:
    """What goes with every end of a batch: the rest of its hold back, its input let go, its news."""
    return (
        void(batch.id, batch.account_id, batch.key_id),
        file_ops.unpin(batch.input_file_id),
        ops.close(batch.account_id),
        ops.announce(batch.row(), status, at_ms),
    )
