"""Takes batches on: validates, runs and ends them, several at once, in this and every later process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func, or_, select

from base.errors import BatchinError, InsufficientFunds
from base.sealing import Unsealable
from storage.errors import StorageUnavailable
from storage.op import Refused
from tools.jobs import ops
from tools.jobs.accept import hold_of
from tools.jobs.batch import OF_ONE, Batch, Priority, Status, batch_of
from tools.jobs.finish import Finish, end_ops
from tools.jobs.lines import LineReader
from tools.jobs.parts import JobParts, Source
from tools.jobs.run import BatchRun
from tools.jobs.slots import Slots
from tools.jobs.tables import BATCH, BATCH_TASK
from tools.jobs.validation import Findings, Input, look_through

_LOOK_S: Final = 0.5
_SOON_S: Final = 0.05
_AGAIN_S: Final = 5.0
_AT_ONCE: Final = 64
_SWEEP_S: Final = 60.0
_SWEPT: Final = 256
_OPEN: Final = (Status.VALIDATING, Status.IN_PROGRESS, Status.CANCELLING, Status.FINALIZING)
_logger: Final = logging.getLogger("batchin.jobs")


@dataclass(frozen=True, slots=True)
class Kind:
    """Which jobs a worker does, and where their tasks come from."""

    which: ColumnElement[bool]
    source: Callable[[JobParts, Batch], Awaitable[Source]]


class Worker:
    """``slots``: how many tasks run at once. Run ``run()`` beside the server."""

    def __init__(self, parts: JobParts, slots: int, kind: Kind) -> None:
        self._parts = parts
        self._kind = kind
        self._slots = Slots(slots)
        self._woken = asyncio.Event()
        self._jobs: dict[str, _Job] = {}

    def wake(self) -> None:
        """There may be a new batch."""
        self._woken.set()

    def wake_soon(self) -> None:
        """A new batch is about to be durable."""
        asyncio.get_running_loop().call_later(_SOON_S, self._woken.set)

    def stop(self, batch_id: str) -> None:
        """A batch was cancelled: abort what runs of it."""
        job = self._jobs.get(batch_id)
        if job is not None:
            job.stopped.set()

    async def run(self) -> None:
        """For ever; cancelling it leaves every batch as a crash would."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_forever())
            while True:
                for batch in await self._open_batches():
                    if batch.id not in self._jobs:
                        self._jobs[batch.id] = job = _Job(
                            self._parts, batch.id, self._slots, self._kind.source
                        )
                        group.create_task(self._to_its_end(batch.id, job))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._woken.wait()
                self._woken.clear()

    async def _to_its_end(self, batch_id: str, job: "_Job") -> None:
        try:
            await job.run()
        finally:
            del self._jobs[batch_id]

    async def _open_batches(self) -> list[Batch]:
        """The next batches that have not ended, as many as are worked on at once: the most urgent first,
        and of those the first of every account, then the second of every account, and so on."""
        open_now = BATCH.c.status.in_([status.value for status in _OPEN])
        rank = case({priority.value: priority.rank for priority in Priority}, value=BATCH.c.priority)
        mine = func.row_number().over(partition_by=(BATCH.c.account_id, rank), order_by=BATCH.c.seq)
        turns = select(BATCH.c.id, rank.label("rank"), mine.label("turn"))
        waiting = turns.where(open_now, self._kind.which).subquery()
        query = select(BATCH).join(waiting, waiting.c.id == BATCH.c.id)
        with suppress(StorageUnavailable):
            in_turn = query.order_by(waiting.c.rank, waiting.c.turn, BATCH.c.seq).limit(_AT_ONCE)
            return [batch_of(row) for row in await self._parts.store.read(in_turn)]
        return []

    async def _sweep_forever(self) -> None:
        """Forget batches whose time is over, tasks first."""
        while True:
            with suppress(StorageUnavailable):
                await self._sweep()
            await asyncio.sleep(_SWEEP_S)

    async def _sweep(self) -> None:
        store, now_ms = self._parts.store, self._parts.clock.now_ms()
        ended = [status.value for status in Status if status.ended]
        over = BATCH.c.gone_at_ms <= now_ms
        query = select(BATCH.c.id).where(over, BATCH.c.status.in_(ended), self._kind.which)
        for row in await store.read(query.limit(_SWEPT)):
            batch_id = row["id"]
            tasks = select(BATCH_TASK.c.number).where(BATCH_TASK.c.batch_id == batch_id).limit(_SWEPT)
            while numbers := [task["number"] for task in await store.read(tasks)]:
                await store.commit(ops.forget_tasks(batch_id, numbers))
            await store.commit(ops.forget(batch_id))


class _Job:
    """One batch in hand."""

    def __init__(
        self,
        parts: JobParts,
        batch_id: str,
        slots: Slots,
        source: Callable[[JobParts, Batch], Awaitable[Source]],
    ) -> None:
        self._source = source
        self._parts = parts
        self._batch_id = batch_id
        self._slots = slots
        self.stopped = asyncio.Event()

    async def run(self) -> None:
        """Take the batch to its end, however often the storage fails meanwhile."""
        while True:
            try:
                await self._step_by_step()
                return
            except (StorageUnavailable, OSError) as error:
                _logger.warning("a batch waits for the storage: %s", type(error).__name__)
            except Unsealable:
                _logger.error("the input of %s can't be opened", self._batch_id)
                await self._failed("input_unreadable", "The stored input can't be read.")
                return
            except Exception:
                _logger.exception("a batch stopped in an unexpected way")
            await asyncio.sleep(_AGAIN_S)

    async def _step_by_step(self) -> None:
        batch = await self._read()
        source = await self._source(self._parts, batch)
        if batch.status is Status.VALIDATING:
            await self._validate(batch, source)
            batch = await self._read()
        if batch.status is Status.IN_PROGRESS:
            await self._work(batch, source)
            batch = await self._read()
        if not batch.status.ended:
            await Finish(self._parts, batch, source).run()

    async def _validate(self, batch: Batch, source: Source) -> None:
        """Look through the input, hold the most that it may cost, and start."""
        parts, now_ms = self._parts, self._parts.clock.now_ms()
        begin = frozenset({Status.VALIDATING})
        if batch.inline:
            started = ops.step(batch.id, begin, Status.IN_PROGRESS, in_progress_at_ms=now_ms)
            await parts.store.commit(started)
            return
        try:
            rate = parts.rates[batch.priority]
            found = await look_through(source, parts.quote, rate, parts.most_tasks)
        except BatchinError as error:
            if isinstance(error, StorageUnavailable):
                raise
            await self._failed(error.code, error.message, error.param)
            return
        answer = await parts.store.commit(
            ops.step(
                batch.id,
                begin,
                Status.IN_PROGRESS,
                in_progress_at_ms=parts.clock.now_ms(),
                total=found.tasks,
                quoted_nano_usd=found.most_nano_usd,
                errors=ops.errors_text(found.errors),
            ),
            hold_of(batch, found.most_nano_usd, parts.clock.now_ms()),
        )
        if isinstance(answer, Refused) and answer.code != "ended":
            await self._unpaid(found)

    async def _unpaid(self, found: Findings) -> None:
        message = "The balance or the key's budget does not cover the batch."
        counted = {"total": found.tasks, "quoted_nano_usd": found.most_nano_usd}
        await self._failed(InsufficientFunds.code, message, None, **counted)

    async def _work(self, batch: Batch, source: Source) -> None:
        """Run tasks until all have ended, the window closes or somebody cancels."""
        left_s = (batch.expires_at_ms - self._parts.clock.now_ms()) / 1000
        run = asyncio.create_task(BatchRun(self._parts, batch, source, self._slots).run())
        stop = asyncio.create_task(self.stopped.wait())
        try:
            await asyncio.wait(
                (run, stop), timeout=max(0.0, left_s), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (run, stop):
                task.cancel()
            await asyncio.wait((run, stop))
        if not run.cancelled() and (error := run.exception()) is not None:
            raise _first(error)

    async def _failed(self, code: str, message: str, param: str | None = None, **changes: Any) -> None:
        batch = await self._read()
        at_ms = self._parts.clock.now_ms()
        error = {"code": code, "message": message, "param": param, "line": None}
        await self._parts.store.commit(
            ops.step(
                batch.id,
                frozenset(_OPEN),
                Status.FAILED,
                errors=ops.errors_text([error]),
                ended_at_ms=at_ms,
                gone_at_ms=at_ms + self._parts.keep_s * 1000,
                **changes,
            ),
            *end_ops(batch, Status.FAILED, at_ms),
        )

    async def _read(self) -> Batch:
        rows = await self._parts.store.read(select(BATCH).where(BATCH.c.id == self._batch_id))
        return batch_of(rows[0])


async def _lines(parts: JobParts, batch: Batch) -> Input:
    file = await parts.files.pinned(batch.input_file_id)
    return Input(parts.files, file, LineReader(parts.endpoints, batch.endpoint))


IS_BATCH: Final = or_(BATCH.c.endpoint.is_(None), BATCH.c.endpoint.not_in(OF_ONE))
BATCHES: Final = Kind(IS_BATCH, _lines)
"""Whatever is no job of one call."""


def _first(error: BaseException) -> BaseException:
    """What went wrong, out of the group that a TaskGroup makes of it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
