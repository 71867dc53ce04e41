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
from tools.jobs.alone import alone
from tools.responses.growing import Event
from tools.responses.noted import NotedChat
from tools.responses.pieces import PieceLog, PieceShelf
from tools.responses.rendered import envelope
from tools.responses.replay import items_in
from tools.responses.schema import ResponseObject, ResponsesInput
from tools.responses.tool import Answering, PreparedInput, ResponseExecution, Responses, items_of

TOOL: Final = "respond"
_ENDPOINT: Final = "/v1/responses"
_CUT: Final = {"status": "cancelled", "completed_at": None, "incomplete_details": None}

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
    pieces: PieceShelf

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
        shelf, asked = self.responses.shelf, args.asked
        begun = envelope(asked, args.id, args.created_s)
        chat: Answering = self.responses.chat.run(asked.chat, call)
        log = PieceLog(self.pieces, args.id) if asked.stream else None
        if log is not None:
            chat = NotedChat(chat, log, logprobs=asked.wants_logprobs)
        made = ResponseExecution(chat, asked, begun, shelf.clock, shelf.replace)
        return BackgroundExecution(made, args, self.tell, log)


class BackgroundExecution:
    """One response, which tells when it is begun. Its record names what the caller had asked. ``log`` is
    of one that is streamed."""

    def __init__(
        self, made: ResponseExecution, args: PreparedTask, tell: Tell, log: PieceLog | None
    ) -> None:
        self._made = made
        self._args = args
        self._tell = tell
        self._log = log
        self._is_whole = False

    def reserve(self) -> None:
        self._made.reserve()

    async def start(self) -> Served:
        if self._log is not None:
            self._made.follow(await asyncio.to_thread(items_in, await self._log.open()))
        served = await self._made.start()
        self._tell(self._args.id)
        return served

    async def events(self) -> AsyncIterator[Event]:
        async for event in self._made.events():
            yield event
        self._is_whole = True

    def result(self) -> Result:
        """What its caller stopped is what was told until then."""
        made = self._made.result()
        output = made.output if self._is_whole else {**made.output, **_CUT}
        return replace(made, output=output, request_hash=request_hash(self._args.arguments))

    async def close(self) -> None:
        await self._made.close()


source_of: Final = alone(_ENDPOINT, TOOL, orjson.loads)
