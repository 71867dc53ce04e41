"""The batches of callers: made, found, listed, shown with their tasks, cancelled."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson
from sqlalchemy import select

from base.caller import Caller
from base.errors import BatchinError, Conflict, InvalidRequest, NotFound, TooManyOpen, Unauthorized
from base.ids import audit_id_of, new_id
from base.outbound.guard import UrlRefused
from base.sealing import Sealed
from settlement.evidence.hashes import request_hash
from storage.op import Op, Refused
from tools.core import Call
from tools.files import ops as file_ops
from tools.jobs import ops
from tools.jobs.batch import Batch, Priority, Status, batch_of, new_batch
from tools.jobs.lines import LineReader
from tools.jobs.parts import JobParts
from tools.jobs.schema import BatchInput, FileBatchInput, window_ms
from tools.jobs.tables import BATCH, BATCH_TASK
from tools.jobs.validation import Input
from tools.jobs.worker import IS_BATCH, Worker

LIST_LIMIT: Final = 100
_LOOK_S: Final = 0.5
_INLINE_LIMIT: Final = 1000
_PAGE: Final = 500


class BatchEnded(Conflict):
    """The batch is over."""

    code = "not_ready"
    resolution = "GET /v1/batches/{id} shows how it ended."


class Batches:
    """``check_url`` raises UrlRefused for a webhook that would never be called."""

    def __init__(self, parts: JobParts, worker: Worker, check_url: Callable[[str], None]) -> None:
        self._parts = parts
        self._worker = worker
        self._check_url = check_url

    async def of_file(
        self, caller: Caller, asked: FileBatchInput, idempotency_key: str | None = None
    ) -> Batch:
        """Take a file of tasks; it is looked through later. Under an idempotency key once: after
        that the first batch is the answer. Raises InvalidRequest, NotFound, Conflict,
        IdempotencyMismatch."""
        account_id = _account(caller)
        self._parts.endpoints.check(asked.endpoint)
        try:
            file = await self._parts.files.get(account_id, asked.input_file_id)
        except NotFound:
            raise _no_file() from None
        if file.purpose != "batch":
            raise InvalidRequest(
                "The input file should have the purpose batch.",
                param="input_file_id",
                resolution="Upload it with purpose=batch.",
            )
        made = self._new(caller, asked, new_id("batch"), file.id)
        life_s = asked.output_expires_after.seconds if asked.output_expires_after else None
        batch = replace(made, endpoint=asked.endpoint, output_life_s=life_s)
        answer = await self._parts.store.commit(
            *self._once(batch, asked, idempotency_key),
            file_ops.pin(file.id, account_id, batch.created_at_ms),
            ops.create(batch.row(), self._parts.most_open),
        )
        if isinstance(answer, Refused):
            return await self._made_before(account_id, answer)
        self._worker.wake()
        return batch

    def _once(self, batch: Batch, asked: FileBatchInput, key: str | None) -> tuple[Op, ...]:
        told = "batch_file|" + request_hash(asked.model_dump(mode="json"))
        return self._parts.keys.once(batch.account_id, key, told, batch.id)

    async def _made_before(self, account_id: str, refused: Refused) -> Batch:
        """The batch that this key made. Raises what a refusal to make one means."""
        if refused.code == "too_many_open":
            raise TooManyOpen(self._parts.most_open)
        batch_id = self._parts.keys.before(refused)
        if batch_id is not None:
            return await self.get(account_id, batch_id)
        raise _no_file()

    def of_tasks(self, call: Call, asked: BatchInput, most_nano_usd: int) -> Batch:
        """A batch of tasks in a request's body, before anything of it is kept: the call's token opens
        it by its id. Raises InvalidRequest."""
        batch = self._new(call.caller, asked, audit_id_of(call.run_id), new_id("file"))
        return replace(batch, inline=True, total=len(asked.tasks), quoted_nano_usd=most_nano_usd)

    def wake_soon(self) -> None:
        """Such a batch is about to be durable."""
        self._worker.wake_soon()

    async def get(self, account_id: str, batch_id: str) -> Batch:
        """Raises NotFound, the same for a batch of somebody else."""
        query = select(BATCH).where(BATCH.c.id == batch_id, *_of(account_id))
        rows = await self._parts.store.read(query)
        if not rows:
            raise _not_found()
        return batch_of(rows[0])

    async def newest(self, account_id: str) -> list[Batch]:
        """The newest thousand, newest first."""
        query = select(BATCH).where(*_of(account_id)).order_by(BATCH.c.seq.desc())
        rows = await self._parts.store.read(query.limit(_INLINE_LIMIT))
        return [batch_of(row) for row in rows]

    async def page(self, account_id: str, after: str | None, limit: int) -> tuple[list[Batch], bool]:
        """The batches behind the one with the id ``after``, and whether there are more."""
        query = select(BATCH).where(*_of(account_id))
        if after is not None:
            query = query.where(BATCH.c.seq < _seq(after))
        rows = await self._parts.store.read(query.order_by(BATCH.c.seq.desc()).limit(limit + 1))
        return [batch_of(row) for row in rows[:limit]], len(rows) > limit

    async def cancel(self, account_id: str, batch_id: str) -> Batch:
        """Raises NotFound, and BatchEnded when there is nothing left to stop."""
        await self.get(account_id, batch_id)
        now_ms = self._parts.clock.now_ms()
        answer = await self._parts.store.commit(ops.cancel(batch_id, account_id, now_ms))
        if isinstance(answer, Refused):
            raise _not_found() if answer.code == "not_found" else BatchEnded("The batch has ended.")
        self._worker.stop(batch_id)
        return await self.get(account_id, batch_id)

    async def erase(self, account_id: str, batch_id: str) -> None:
        """Let it be gone at once with its input and its results; stopped, where it goes on. Raises
        NotFound."""
        batch = await self.get(account_id, batch_id)
        now_ms = self._parts.clock.now_ms()
        if isinstance(await self._parts.store.commit(ops.drop(batch_id, account_id, now_ms)), Refused):
            raise _not_found()
        self._worker.stop(batch_id)
        with contextlib.suppress(NotFound):  # it was deleted before
            await self._parts.files.delete(account_id, batch.input_file_id)

    async def about(self, account_id: str, member: str) -> dict[str, str]:
        """The batches whose metadata have a member: its values by their ids."""
        told = BATCH.c.metadata.contains(f'"{member}":', autoescape=True)
        query = select(BATCH.c.id, BATCH.c.metadata).where(*_of(account_id), told)
        found = {row["id"]: orjson.loads(row["metadata"]) for row in await self._parts.store.read(query)}
        return {batch_id: str(told[member]) for batch_id, told in found.items() if member in told}

    async def states(self, batch_id: str) -> AsyncIterator[Batch]:
        """How a batch goes on, until it ended; whoever asks knows that it is theirs. Raises NotFound."""
        told: Batch | None = None
        while told is None or not told.status.ended:
            batch = await self._one(batch_id)
            if batch != told:
                yield batch
                told = batch
            if not batch.status.ended:
                await asyncio.sleep(_LOOK_S)

    async def stop(self, batch_id: str) -> None:
        """Cancel it, for whoever ``states`` is for; one that has ended stays as it is."""
        batch = await self._one(batch_id)
        with contextlib.suppress(BatchEnded):
            await self.cancel(batch.account_id, batch.id)

    async def _one(self, batch_id: str) -> Batch:
        rows = await self._parts.store.read(select(BATCH).where(BATCH.c.id == batch_id))
        if not rows:
            raise _not_found()
        return batch_of(rows[0])

    async def detail(self, batch: Batch) -> dict[str, Any]:
        """The batch for its owner; one that was made inline with all its tasks and their results."""
        shown = batch.shown()
        if batch.inline:
            shown["tasks"] = await self._tasks(batch)
        return shown

    async def _tasks(self, batch: Batch) -> list[dict[str, Any]]:
        ended = await self._results(batch)
        left = {Status.CANCELLED: "cancelled", Status.CANCELLING: "cancelled", Status.EXPIRED: "expired"}
        waiting = left.get(batch.status, "pending")
        file = await self._parts.files.pinned(batch.input_file_id)
        source = Input(self._parts.files, file, LineReader(self._parts.endpoints, batch.endpoint))
        return [
            ended.get(task.number) or {"custom_id": task.custom_id, "status": waiting}
            async for task in source.tasks()
        ]

    async def _results(self, batch: Batch) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        last = 0
        while True:
            query = (
                select(BATCH_TASK)
                .where(BATCH_TASK.c.batch_id == batch.id, BATCH_TASK.c.number > last)
                .order_by(BATCH_TASK.c.number)
                .limit(_PAGE)
            )
            rows = await self._parts.store.read(query)
            if not rows:
                return found
            last = rows[-1]["number"]
            found |= await asyncio.to_thread(self._opened, rows)

    def _opened(self, rows: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        opened = {}
        for row in rows:
            line = orjson.loads(self._parts.sealer.open(Sealed(row["salt"], row["box"])))
            response = line["response"]
            opened[row["number"]] = {
                "custom_id": line["custom_id"],
                "status": "completed" if row["completed"] else "failed",
                "run_id": row["run_id"] or None,
                "result": response["body"] if row["completed"] else None,
                "error": None if row["completed"] else _error(line),
            }
        return opened

    def _new(
        self, caller: Caller, asked: BatchInput | FileBatchInput, batch_id: str, file_id: str
    ) -> Batch:
        try:
            window = window_ms(asked.completion_window)
        except ValueError:
            raise InvalidRequest(
                "completion_window should be from 1h to 7d.", param="completion_window"
            ) from None
        if asked.webhook_url is not None:
            self._check_webhook(asked.webhook_url)
        return new_batch(
            caller,
            batch_id,
            seq=_seq(batch_id),
            file_id=file_id,
            priority=Priority(asked.priority),
            window_ms=window,
            at_ms=self._parts.clock.now_ms(),
            keep_ms=self._parts.keep_s * 1000,
            completion_window=asked.completion_window,
            metadata=None if asked.metadata is None else orjson.dumps(asked.metadata).decode(),
            webhook_url=asked.webhook_url,
        )

    def _check_webhook(self, url: str) -> None:
        try:
            self._check_url(url)
        except UrlRefused as error:
            raise InvalidRequest(
                f"webhook_url can't be called: {error.reason}.",
                param="webhook_url",
                resolution="Give an http or https URL of a public host, on port 80 or 443.",
            ) from None


def _account(caller: Caller) -> str:
    if caller.account_id is None:
        raise Unauthorized
    return caller.account_id


def _of(account_id: str) -> tuple[Any, ...]:
    """The batches of an account: its jobs of one call are no batches to it, nor is what was erased."""
    return BATCH.c.account_id == account_id, IS_BATCH, BATCH.c.gone_at_ms > BATCH.c.created_at_ms


def _seq(batch_id: str) -> str:
    """The number behind both spellings of an id, in hex: ids grow with time."""
    try:
        return uuid.UUID(batch_id.removeprefix("batch_")).hex
    except ValueError:
        raise _not_found() from None


def _error(line: dict[str, Any]) -> Any:
    response = line["response"]
    return line["error"] if response is None else response["body"]["error"]


def _no_file() -> BatchinError:
    return NotFound(
        "File not found", param="input_file_id", resolution="Upload it first, with purpose=batch."
    )


def _not_found() -> BatchinError:
    return NotFound("Batch not found", param="id", resolution="Verify batch id.")
