"""The tools batch, batch_get and batch_cancel."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.errors import BatchinError
from base.pricing import PriceCard, Quote
from base.usage import Usage
from tools.core import Annotations, Call, Followed, Tool
from tools.jobs.batch import Priority, Status
from tools.jobs.batches import Batches
from tools.jobs.beside import Beside
from tools.jobs.lines import LineReader, Task
from tools.jobs.parts import JobParts
from tools.jobs.schema import BatchIdInput, BatchInput, BatchOutput
from tools.jobs.submission import HandedIn, Submission

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

    def _beside(self) -> Beside:
        return Beside(BatchIdInput, BatchOutput, "batch", _NAMED)

    def _get(self) -> Tool[Any]:
        what = "How far a batch is, and the results of its tasks. Free."
        return self._beside().look("batch_get", "Batch status", what, self._shown)

    def _cancel(self) -> Tool[Any]:
        what = "Stop a batch. What has run is charged, the rest of its hold comes back. Free."
        return self._beside().cancel("batch_cancel", "Cancel a batch", what, self._cancelled)

    async def _quote(self, args: BatchInput) -> Quote:
        """Nothing for taking the tasks; the most that they may cost is kept for them."""
        return Quote("batch", _CARD, Usage(), await self.most_nano_usd(args))

    async def most_nano_usd(self, args: BatchInput) -> int:
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

    def _submit(self, args: BatchInput, call: Call) -> Submission:
        async def hand_in() -> HandedIn:
            most = await self.most_nano_usd(args)
            batch = self.batches.of_tasks(call, args, most)
            lines = (line + b"\n" for line in _lines(args))
            return HandedIn(batch, batch.shown(), lines, "tasks.jsonl")

        return Submission(self.parts, call, hand_in, self.batches.wake_soon)

    async def states(self, output: Mapping[str, Any]) -> AsyncIterator[Followed]:
        """Implements tools.core.Job."""
        async for batch in self.batches.states(str(output["id"])):
            shown = await self.batches.detail(batch) if batch.status.ended else batch.shown()
            told = f"{shown['status']}, {batch.completed + batch.failed} of {batch.total} tasks"
            yield Followed(shown, told, failed=batch.status is Status.FAILED)

    async def stop(self, output: Mapping[str, Any]) -> None:
        await self.batches.stop(str(output["id"]))

    async def _shown(self, account_id: str, batch_id: str) -> Mapping[str, Any]:
        return await self.batches.detail(await self.batches.get(account_id, batch_id))

    async def _cancelled(self, account_id: str, batch_id: str) -> Mapping[str, Any]:
        return (await self.batches.cancel(account_id, batch_id)).shown()


def _lines(args: BatchInput) -> Iterator[bytes]:
    for task in args.tasks:
        yield orjson.dumps(
            {"custom_id": task.custom_id, "model": task.model, "request_body": task.request_body}
            | ({"url": task.endpoint} if task.endpoint is not None else {})
        )
