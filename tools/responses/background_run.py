"""Makes a response in the background: a call of its own, charged from the hold of its job."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field

from base.pricing import Quote
from runtime.engine import Modality
from settlement.evidence.hashes import request_hash
from settlement.rail import Served
from tools.arguments import parse
from tools.core import Call, Result, Tool
from tools.files.files import File, Files
from tools.jobs.batch import Batch
from tools.jobs.lines import BadLine, Task
from tools.jobs.parts import JobParts
from tools.responses.growing import Event
from tools.responses.rendered import envelope
from tools.responses.schema import ResponseObject, ResponsesInput
from tools.responses.tool import PreparedInput, ResponseExecution, Responses, items_of

TOOL: Final = "respond"
_ENDPOINT: Final = "/v1/responses"

Tell = Callable[[str], None]
"""Keeps that an engine has begun with a response."""


class TaskInput(BaseModel):
    """The wish as it was kept: ``arguments`` of the caller, after the items of ``earlier``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str
    created_s: int
    arguments: dict[str, Any]
    earlier: list[dict[str, Any]]


class PreparedTask(TaskInput):
    """The same, and what the chat tool is asked for it."""

    asked: PreparedInput = Field(exclude=True)


@dataclass(frozen=True, slots=True)
class BackgroundMaker:
    """Builds the tool."""

    responses: Responses
    tell: Tell

    def tool(self) -> Tool[Any]:
        return Tool(
            name=TOOL,
            title="Respond",
            description="Make one response.",
            Input=TaskInput,
            Output=ResponseObject,
            prepare=self._prepare,
            quote=self._quote,
            run=self._run,
            modality=Modality.CHAT,
            listed=False,
        )

    async def _prepare(self, args: TaskInput, _: Call) -> PreparedTask:
        wanted = parse(ResponsesInput, args.arguments)
        asked = self.responses.prepared(wanted, items_of(args.earlier))
        return PreparedTask.model_construct(args.model_fields_set, **dict(args), asked=asked)

    def _quote(self, args: PreparedTask) -> Quote:
        return self.responses.quote(args.asked)

    def _run(self, args: PreparedTask, call: Call) -> "BackgroundExecution":
        shelf = self.responses.shelf
        begun = envelope(args.asked, args.id, args.created_s)
        chat = self.responses.chat.run(args.asked.chat, call)
        made = ResponseExecution(chat, args.asked, begun, shelf.clock, shelf.replace)
        return BackgroundExecution(made, args, self.tell)


class BackgroundExecution:
    """One response, which tells when it is begun. Its record names what the caller had asked."""

    def __init__(self, made: ResponseExecution, args: PreparedTask, tell: Tell) -> None:
        self._made = made
        self._args = args
        self._tell = tell

    def reserve(self) -> None:
        self._made.reserve()

    async def start(self) -> Served:
        served = await self._made.start()
        self._tell(self._args.id)
        return served

    def events(self) -> AsyncIterator[Event]:
        return self._made.events()

    def result(self) -> Result:
        return replace(self._made.result(), request_hash=request_hash(self._args.arguments))

    async def close(self) -> None:
        await self._made.close()


@dataclass(frozen=True, slots=True)
class Alone:
    """The one task of such a job, out of its sealed input. Implements tools.jobs.parts.Source."""

    files: Files
    file: File

    async def tasks(self) -> AsyncIterator[Task | BadLine]:
        """Raises OSError, Unsealable."""
        pieces = [piece async for piece in self.files.content(self.file, 0, self.file.size)]
        arguments = await asyncio.to_thread(orjson.loads, b"".join(pieces))
        yield Task(1, arguments["id"], _ENDPOINT, TOOL, arguments)


async def source_of(parts: JobParts, batch: Batch) -> Alone:
    """Raises NotFound, StorageUnavailable."""
    return Alone(parts.files, await parts.files.pinned(batch.input_file_id))
