"""The respond tool: the chat tool in the shape of OpenAI's Responses API, with memory."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pydantic import Field, TypeAdapter

from base.clock import Clock
from base.errors import InvalidRequest, NotFound, ResponsesStreamingDisabled, Unauthorized
from base.pricing import Quote
from runtime.engine import Delta, Modality
from settlement.rail import Served, nothing
from storage.op import Op
from tools.arguments import parse
from tools.chat import Chat
from tools.chat_schema import ChatInput
from tools.core import Annotations, Call, Result, Tool
from tools.responses.conversation import chat_arguments
from tools.responses.growing import Event, GrowingResponse
from tools.responses.items import Item
from tools.responses.names import said_of_responses
from tools.responses.rendered import QUEUED, envelope, finished, response_id
from tools.responses.schema import ResponseObject, ResponsesInput
from tools.responses.shelf import ResponseShelf

_ITEMS: TypeAdapter[list[Item]] = TypeAdapter(list[Item])


class Answering(Protocol):
    """A run of the chat tool, as tools.chat.ChatExecution is."""

    @property
    def finish_reason(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    def reserve(self) -> None: ...

    async def start(self) -> Served: ...

    def events(self) -> AsyncIterator[Delta]: ...

    def result(self) -> Result: ...

    async def close(self) -> None: ...


Kept = Callable[[str, Sequence[Mapping[str, Any]], Mapping[str, Any]], Op]
"""Keeps a finished response for an account, with the items that it was given."""


class PreparedInput(ResponsesInput):
    """The arguments, and ``chat``: what the chat tool is asked for them and what was said before."""

    chat: ChatInput = Field(exclude=True)


@dataclass(frozen=True, slots=True)
class Responses:
    """Builds the respond tool over the chat tool and the stored responses."""

    chat: Chat
    shelf: ResponseShelf

    def tool(self) -> Tool[Any]:
        return Tool(
            name="respond",
            title="Respond",
            description=(
                "Answer a text or items, and go on from a stored response. The chat tool in the shape "
                "of OpenAI's Responses API, at its prices."
            ),
            Input=ResponsesInput,
            Output=ResponseObject,
            prepare=self.prepare,
            quote=self.quote,
            run=self.run,
            modality=Modality.CHAT,
            annotations=Annotations(read_only=True, idempotent=False, open_world=False),
            examples=(
                {
                    "model": "qwen3-32b",
                    "input": "What is the capital of France?",
                    "max_output_tokens": 32,
                },
            ),
            available=lambda: self.chat.engines.serves(Modality.CHAT),
            listed=False,
        )

    async def prepare(self, args: ResponsesInput, call: Call) -> PreparedInput:
        """As Tool.prepare does."""
        if args.stream and not call.caller.streams_responses:
            raise ResponsesStreamingDisabled
        return self.prepared(args, await self.earlier(args, call))

    def prepared(self, args: ResponsesInput, earlier: Sequence[Item]) -> PreparedInput:
        """The arguments after the items of ``earlier``. Raises InvalidRequest."""
        with said_of_responses():
            chat = parse(ChatInput, chat_arguments(args, earlier))
        return PreparedInput.model_construct(args.model_fields_set, **dict(args), chat=chat)

    async def earlier(self, args: ResponsesInput, call: Call) -> Sequence[Item]:
        """What was said before, input and output by turns. Raises InvalidRequest, NotFound,
        Unauthorized."""
        if args.previous_response_id is None:
            return ()
        if call.caller.account_id is None:
            raise Unauthorized
        kept = await self.shelf.conversation(args.previous_response_id, call.caller.account_id)
        if kept is None:
            raise NotFound(
                f"There is no stored response {args.previous_response_id!r}, or one before it is gone.",
                param="previous_response_id",
                resolution="Send the whole conversation as input items, or the id of a stored response.",
            )
        if any(turn.response["status"] == QUEUED for turn in kept):
            raise InvalidRequest(
                f"The response {args.previous_response_id!r}, or one before it, has not answered.",
                param="previous_response_id",
                resolution="Wait until GET /v1/responses/{id} shows it completed.",
            )
        return items_of([item for turn in kept for item in (*turn.input, *turn.response["output"])])

    def quote(self, args: ResponsesInput) -> Quote:
        """The most that these arguments may cost. Those that go on from nothing need not be prepared."""
        chat = args.chat if isinstance(args, PreparedInput) else self.prepared(args, ()).chat
        with said_of_responses():
            return self.chat.quote(chat)

    def run(self, args: PreparedInput, call: Call) -> "ResponseExecution":
        """One run of prepared arguments."""
        chat = self.chat.run(args.chat, call)
        begun = envelope(args, response_id(call.run_id), chat.created_s)
        return ResponseExecution(chat, args, begun, self.shelf.clock, self.shelf.keep)


def items_of(items: Sequence[Mapping[str, Any]]) -> list[Item]:
    """Items as they are kept."""
    return _ITEMS.validate_python(items)


class ResponseExecution:
    """One response: the chat run behind it, and the output that grows from its deltas. ``begun`` is the
    response without them, ``kept`` keeps the whole one."""

    def __init__(
        self,
        chat: Answering,
        args: PreparedInput,
        begun: Mapping[str, Any],
        clock: Clock,
        kept: Kept,
    ) -> None:
        self._chat = chat
        self._args = args
        self._clock = clock
        self._kept = kept
        self._envelope = begun
        self._attempt = 1
        self.follow(0)

    def follow(self, items: int) -> None:
        """Earlier runs, which came to nothing, told of so many items: to be said before the start."""
        wants = self._args.wants_logprobs
        self._growing = GrowingResponse(self._envelope, logprobs=wants, items_before=items)

    def reserve(self) -> None:
        self._chat.reserve()

    async def start(self) -> Served:
        with said_of_responses():
            return await self._chat.start()

    async def events(self) -> AsyncIterator[Event]:
        """The events of a stream but the last one, which tells how it ended and was charged."""
        opened = False
        async for delta in self._chat.events():
            if not opened:
                opened = True
                for event in self._growing.opening():
                    yield event
            for event in (*self._anew(), *self._growing.add(delta)):
                yield event
        if not opened:
            for event in self._growing.opening():
                yield event
        for event in (*self._anew(), *self._growing.end(self._chat.finish_reason)):
            yield event

    def _anew(self) -> list[Event]:
        """Where another engine answers in place of one that failed."""
        if self._attempt == self._chat.attempt:
            return []
        self._attempt = self._chat.attempt
        return self._growing.anew()

    def result(self) -> Result:
        chat = self._chat.result()
        response = finished(
            self._envelope,
            self._growing.output,
            self._chat.finish_reason,
            chat.usage,
            self._clock.now_ms() // 1000,
        )

        def also(account_id: str) -> Sequence[Op]:
            return (self._kept(account_id, given_items(self._args), response),)

        return replace(chat, output=response, also=also if self._args.is_stored else nothing)

    async def close(self) -> None:
        await self._chat.close()


def given_items(args: ResponsesInput) -> list[dict[str, Any]]:
    """What a response is given, as it is kept."""
    return [item.model_dump(exclude_none=True) for item in args.items()]
