"""Runs the tasks of one batch: each once, from wherever an earlier process left off."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from sqlalchemy import select

from base.caller import Caller, CallerKind
from base.errors import (
    BatchinError,
    DeadlineExceeded,
    EngineError,
    InternalError,
    RateLimited,
    ServiceUnavailable,
)
from base.ids import new_id, new_run_id
from base.trace import trace_from
from runtime.routing.lanes import BATCH, FILL
from settlement.evidence.signed import Signed
from settlement.parts import Funds, Part
from settlement.rail import Delivery, Outcome, RunStatus
from storage.errors import StorageUnavailable
from storage.op import Op
from tools.core import Call
from tools.jobs import ops
from tools.jobs.batch import STREAMED, Batch, Priority, Status
from tools.jobs.lines import BadLine, Task
from tools.jobs.outcome import answered, failed, task_row, unread
from tools.jobs.parts import JobParts, Source
from tools.jobs.slots import Slots
from tools.jobs.tables import BATCH_TASK

_ENGINE_ATTEMPTS: Final = 3
_FIRST_PAUSE_S: Final = 0.1
_STOPPED: Final = frozenset({Status.CANCELLING})
"""Where a part of an answer is charged: its reader stopped it. What anything else cut is made anew."""
_LONGEST_PAUSE_S: Final = 10.0
_PAGE: Final = 5000
_logger: Final = logging.getLogger("batchin.jobs")


class BatchRun:
    """The work of one batch. Cancelling it aborts what runs; nothing of that is charged."""

    def __init__(self, parts: JobParts, batch: Batch, source: Source, slots: Slots) -> None:
        self._parts = parts
        self._batch = batch
        self._source = source
        self._slots = slots
        self._funds = Funds(batch.id, batch.account_id, batch.key_id, batch.rail)
        self._caller = Caller(
            CallerKind.WALLET if batch.wallet else CallerKind.ACCOUNT,
            batch.account_id,
            batch.key_id,
            batch.lane or (FILL if batch.priority is Priority.FILL else BATCH),
            batch.region,
            batch.workspace,
            frozenset((batch.scopes or "").split()),
            salts_hashes=bool(batch.salts_hashes),
        )

    async def run(self) -> None:
        """Run every task that has not ended yet."""
        done = self._ended()
        next_done = await anext(done, None)
        async with asyncio.TaskGroup() as tasks:
            async for task in self._source.tasks():
                while next_done is not None and next_done < task.number:
                    next_done = await anext(done, None)
                if next_done == task.number:
                    continue
                await self._slots.take(self._batch.priority.rank, self._batch.account_id)
                tasks.create_task(self._turn(task))

    async def _ended(self) -> AsyncIterator[int]:
        """The numbers of the tasks that ended before, in their order."""
        last = 0
        while True:
            query = (
                select(BATCH_TASK.c.number)
                .where(BATCH_TASK.c.batch_id == self._batch.id, BATCH_TASK.c.number > last)
                .order_by(BATCH_TASK.c.number)
                .limit(_PAGE)
            )
            rows = await self._parts.store.read(query)
            if not rows:
                return
            for row in rows:
                yield row["number"]
            last = rows[-1]["number"]

    async def _turn(self, task: Task | BadLine) -> None:
        try:
            if isinstance(task, BadLine):
                await self._keep(task.number, "", unread(task.number, task.custom_id, task.error))
            else:
                await self._until_it_ended(task)
        finally:
            self._slots.give()

    async def _until_it_ended(self, task: Task) -> None:
        """Engines that are full or away are waited for; one that fails gets three attempts."""
        attempt, pause_s = 1, _FIRST_PAUSE_S
        while True:
            run_id, request_id = new_run_id(), new_id("req")
            try:
                await self._invoke(task, run_id, request_id)
                return
            except (EngineError, DeadlineExceeded) as error:
                attempt += 1
                if attempt > _ENGINE_ATTEMPTS:
                    await self._keep(
                        task.number, run_id, failed(run_id, request_id, task.custom_id, error)
                    )
                    return
            except StorageUnavailable:
                if await self._is_kept(task.number) or _is_cancelled():
                    return
            except (ServiceUnavailable, RateLimited):
                pass
            except BatchinError as error:
                await self._keep(task.number, run_id, failed(run_id, request_id, task.custom_id, error))
                return
            except Exception:
                _logger.exception("a task failed in an unexpected way", extra={"run_id": run_id})
                shown = InternalError("The server failed to handle this task.")
                line = failed(run_id, request_id, task.custom_id, shown)
                await self._keep(task.number, run_id, line)
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _invoke(self, task: Task, run_id: str, request_id: str) -> None:
        parts, batch = self._parts, self._batch
        left_s = (batch.expires_at_ms - parts.clock.now_ms()) / 1000
        call = Call(
            run_id=run_id,
            request_id=request_id,
            caller=self._caller,
            trace=trace_from(None),
            resource=parts.resource(task.endpoint),
            delivery=Delivery.KEPT if batch.metadata == STREAMED else Delivery.WHOLE,
            deadline_s=parts.clock.monotonic_s() + max(1.0, left_s),
        )

        def completion(outcome: Outcome, charged_nano_usd: int, evidence: Signed) -> Op:
            body = parts.show(run_id, outcome.result, evidence.wire, outcome.salt.hex())
            line = answered(run_id, request_id, task.custom_id, body)
            row = task_row(
                batch.id,
                task.number,
                run_id,
                line,
                parts.sealer,
                parts.clock.now_ms(),
                evidence.digest,
            )
            usage = outcome.usage
            tokens = (usage.input_tokens, usage.output_tokens, usage.cached_tokens)
            states = ops.TAKES_RESULTS if outcome.status is RunStatus.COMPLETED else _STOPPED
            return ops.complete_task(row, charged_nano_usd, tokens, states)

        part = Part(self._funds, task.number, completion)
        await parts.invoke(part, parts.rates[batch.priority], task, call)

    async def _keep(self, number: int, run_id: str, line: bytes) -> None:
        """Keep that a task failed; the store is waited for."""
        parts = self._parts
        row = task_row(self._batch.id, number, run_id, line, parts.sealer, parts.clock.now_ms())
        pause_s = _FIRST_PAUSE_S
        while True:
            with suppress(StorageUnavailable):
                await parts.store.commit(ops.complete_task(row, 0, (0, 0, 0)))
                return
            await asyncio.sleep(pause_s)
            if await self._is_kept(number):
                return
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _is_kept(self, number: int) -> bool:
        query = select(BATCH_TASK.c.number).where(
            BATCH_TASK.c.batch_id == self._batch.id, BATCH_TASK.c.number == number
        )
        with suppress(StorageUnavailable):
            return bool(await self._parts.store.read(query))
        return False


def _is_cancelled() -> bool:
    """Whether the work of this task was told to end, whatever became of that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
