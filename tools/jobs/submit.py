"""The tools batch, batch_get and batch_cancel."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.errors import BatchinError, Unauthorized
from base.pricing import PriceCard, Quote
from base.usage import Usage
from settlement.evidence.hashes import request_hash
from settlement.rail import Served
from storage.op import Op
from tools.core import Annotations, Call, Followed, Result, Tool
from tools.files.files import INLINE, File
from tools.immediate import NOWHERE, Immediate
from tools.jobs.accept import check_open
from tools.jobs.batch import Batch, Priority, Status
from tools.jobs.batches import Batches
from tools.jobs.lines import LineReader, Task
from tools.jobs.parts import JobParts
from tools.jobs.schema import BatchIdInput, BatchInput, BatchOutput

_AT_ONCE: Final = 64
_CARD: Final = PriceCard("batch", 0, 0)
_EXAMPLE: Final = {
    "priority": "low",
    "tasks": [
        {
            "custom_id": "task-1",
            "model": "qwen3-32b",
            "request_body": {"messages": [{"role": "user", "content": "Translate 'water' to French."}]},
        }
    ],
}

_NAMED: Final = {"id": "0b0db2a6-0baf-4ec4-a5e7-bce60da57db6"}


@dataclass(frozen=True, slots=True)
class BatchTools:
    """Builds the three tools."""

    parts: JobParts
    batches: Batches

    def tools(self) -> Sequence[Tool[Any]]:
        return (self._batch(), self._get(), self._cancel())

    def _batch(self) -> Tool[BatchInput]:
        return Tool(
            name="batch",
            title="Batch",
            description=(
                "Hand in many calls at once, of any models. They run when engines have time, each "
                "charged by its own use at the price of the priority; the most they may cost is held "
                "or paid first, what is not used comes back. Poll with batch_get."
            ),
            Input=BatchInput,
            Output=BatchOutput,
            run=self._submit,
            quote=self._quote,
            modality="batch",
            annotations=Annotations(read_only=False),
            examples=(_EXAMPLE,),
            aliases=("batch_submit",),
            job=self,
        )

    def _get(self) -> Tool[BatchIdInput]:
        return Tool(
            name="batch_get",
            title="Batch status",
            description="How far a batch is, and the results of its tasks. Free.",
            Input=BatchIdInput,
            Output=BatchOutput,
            run=lambda args, call: Immediate(lambda: self._shown(args, call)),
            quote=None,
            modality="batch",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=(_NAMED,),
        )

    def _cancel(self) -> Tool[BatchIdInput]:
        return Tool(
            name="batch_cancel",
            title="Cancel a batch",
            description="Stop a batch. What has run is charged, the rest of its hold comes back. Free.",
            Input=BatchIdInput,
            Output=BatchOutput,
            run=lambda args, call: Immediate(lambda: self._cancelled(args, call)),
            quote=None,
            modality="batch",
            annotations=Annotations(read_only=False, idempotent=True),
            examples=(_NAMED,),
        )

    async def _quote(self, args: BatchInput) -> Quote:
        """Nothing for taking the tasks; the most that they may cost is kept for them."""
        return Quote("batch", _CARD, Usage(), await self._most_nano_usd(args))

    async def _most_nano_usd(self, args: BatchInput) -> int:
        rate = self.parts.rates[Priority(args.priority)]
        reader = LineReader(self.parts.endpoints, None)
        most = 0
        for number, line in enumerate(_lines(args), 1):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            task = reader.read(number, line)
            if isinstance(task, Task):
                most += await self._quoted(task, rate)
        return most

    async def _quoted(self, task: Task, rate: Any) -> int:
        """A task that can't be quoted fails alone, later."""
        try:
            return (await self.parts.quote(task)).at_rate(rate).max_nano_usd
        except BatchinError:
            return 0

    def _submit(self, args: BatchInput, call: Call) -> "Submission":
        return Submission(self, args, call)

    async def states(self, output: Mapping[str, Any]) -> AsyncIterator[Followed]:
        """Implements tools.core.Job."""
        async for batch in self.batches.states(str(output["id"])):
            shown = await self.batches.detail(batch) if batch.status.ended else batch.shown()
            told = f"{shown['status']}, {batch.completed + batch.failed} of {batch.total} tasks"
            yield Followed(shown, told, failed=batch.status is Status.FAILED)

    async def stop(self, output: Mapping[str, Any]) -> None:
        await self.batches.stop(str(output["id"]))

    async def most_nano_usd(self, args: BatchInput) -> int:
        return await self._most_nano_usd(args)

    async def _shown(self, args: BatchIdInput, call: Call) -> Mapping[str, Any]:
        batch = await self.batches.get(_account(call, args.id), args.id)
        return await self.batches.detail(batch)

    async def _cancelled(self, args: BatchIdInput, call: Call) -> Mapping[str, Any]:
        return (await self.batches.cancel(_account(call, args.id), args.id)).shown()


class Submission:
    """Writes the tasks of a request to a file; the batch is kept by the commit that charges it."""

    def __init__(self, tools: BatchTools, args: BatchInput, call: Call) -> None:
        self._tools = tools
        self._args = args
        self._call = call
        self._batch: Batch | None = None
        self._file: File | None = None
        self._kept = False

    def reserve(self) -> None:
        """Nothing to wait for."""

    async def start(self) -> Served:
        tools = self._tools
        await check_open(tools.parts, self._call.caller)
        most = await tools.most_nano_usd(self._args)
        self._batch = tools.batches.of_tasks(self._call, self._args, most)
        async with AsyncExitStack() as stack:
            upload = await stack.enter_async_context(tools.parts.files.making(""))
            for line in _lines(self._args):
                await upload.write(line + b"\n")
            self._file = await upload.written("tasks.jsonl", INLINE)
        return NOWHERE

    async def events(self) -> AsyncIterator[Any]:
        return
        yield

    def result(self) -> Result:
        if self._batch is None:
            return Result({}, Usage(), request_hash({}))
        shown = self._batch.shown()
        return Result(shown, Usage(), request_hash({"id": shown["id"]}), also=self._also)

    async def close(self) -> None:
        """An input that no commit kept is a stray: the next start removes it."""

    def _also(self, account_id: str) -> Sequence[Op]:
        if self._batch is None or self._file is None:
            return ()
        return self._tools.batches.taken(self._batch, self._file, self._call.caller, account_id)


def _lines(args: BatchInput) -> Iterator[bytes]:
    for task in args.tasks:
        yield orjson.dumps(
            {"custom_id": task.custom_id, "model": task.model, "request_body": task.request_body}
            | ({"url": task.endpoint} if task.endpoint is not None else {})
        )


def _account(call: Call, object_id: str) -> str:
    account_id = call.caller.account_for(object_id)
    if account_id is None:
        raise Unauthorized
    return account_id
