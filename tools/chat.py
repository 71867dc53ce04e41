"""The chat tool: a conversation in, one or more answers out, streamed or whole."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from base.clock import Clock
from base.errors import ContextLengthExceeded, InvalidRequest
from base.pricing import Quote
from base.usage import Usage
from runtime.catalog import Catalog, Model
from runtime.engine import Delta, Finish, Metered, Modality, Started
from runtime.pool import Engines
from settlement.evidence.hashes import chat_response_hash
from settlement.rail import Served
from tools.called import CalledFunctions
from tools.chat_schema import ChatInput, ChatOutput
from tools.core import Annotations, Call, Result, Tool
from tools.engine_run import EngineRun, engine_run
from tools.honoured import check_honoured
from tools.look import MOST_PICTURES, Looker

_TEMPLATE_TOKENS = 64  # what a chat template and a default system prompt add at most
_MESSAGE_TOKENS = 16  # what it adds around each message
_IMAGE_TOKENS = 4096  # what an image is read as at most; more is ours
_TOOLS_TOKENS = 512  # what it says about tools in general
_ENGINE_FIELDS = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "parallel_tool_calls",
    "reasoning_effort",
)


@dataclass(frozen=True, slots=True)
class Chat:
    """Builds the chat tool over the engines and the catalog."""

    catalog: Catalog
    engines: Engines
    clock: Clock
    default_output_tokens: int
    looker: Looker

    def tool(self) -> Tool[ChatInput]:
        return Tool(
            name="chat",
            title="Chat",
            description=(
                "Answer a conversation with a language model. Paid per token: an API key's balance, "
                "a wallet's credit, or one x402 payment in USDC at the quoted maximum, whose "
                "remainder stays as the wallet's credit."
            ),
            Input=ChatInput,
            Output=ChatOutput,
            run=self.run,
            quote=self.quote,
            modality=Modality.CHAT,
            annotations=Annotations(read_only=True, idempotent=False, open_world=False),
            examples=(
                {
                    "model": "qwen3-32b",
                    "messages": [{"role": "user", "content": "What is the capital of France?"}],
                    "max_tokens": 32,
                },
            ),
            aliases=("chat_completion",),
            version=5,
            available=lambda: self.engines.serves(Modality.CHAT),
        )

    def quote(self, args: ChatInput) -> Quote:
        """The most that a call of these arguments may cost. Raises as Tool.quote does."""
        model = self.catalog.resolve(args.model, Modality.CHAT)
        check_honoured(args, model)
        _check_pictures(args, model)
        bound = Usage(_input_bound(args), self._output_limit(args, model) * (args.n or 1))
        return Quote(args.model, model.card, bound)

    def run(self, args: ChatInput, call: Call) -> "ChatExecution":
        """One run of validated arguments."""
        model = self.catalog.resolve(args.model, Modality.CHAT)
        body = _engine_body(args, self._output_limit(args, model))
        run = engine_run(self.engines, call, Modality.CHAT, model.engine_model, body)
        shown = body["messages"] if any(m.pictures() for m in args.messages) else ()
        return ChatExecution(run, args, call.run_id, self.clock.now_ms() // 1000, self.looker, shown)

    def _output_limit(self, args: ChatInput, model: Model) -> int:
        asked = args.output_limit()
        if asked is None:
            return min(self.default_output_tokens, model.context_length)
        if asked > model.context_length:
            raise InvalidRequest(
                f"max_tokens should be at most {model.context_length}, the context length of "
                f"{args.model}.",
                param="max_tokens" if args.max_tokens else "max_completion_tokens",
                resolution=f"Ask for 1 to {model.context_length} output tokens.",
            )
        return asked


class ChatExecution:
    """One chat run: passes deltas on and gathers them into the completion."""

    def __init__(
        self,
        run: EngineRun,
        args: ChatInput,
        run_id: str,
        created_s: int,
        looker: Looker,
        shown: Sequence[dict[str, Any]],
    ) -> None:
        """``shown`` are the messages that the engine will get, where they hold images."""
        self._looker = looker
        self._shown = shown
        self._run = run
        self._args = args
        self._id = "chatcmpl_" + run_id.removeprefix("run_")
        self.created_s = created_s
        self._choices = [_Choice(index) for index in range(args.n or 1)]
        self._usage = Usage()
        self.attempt = 1

    @property
    def finish_reason(self) -> str:
        """Of the first choice, so far."""
        return self._choices[0].finish_reason

    def reserve(self) -> None:
        self._run.reserve()

    async def start(self) -> Served:
        await self._looker.look(self._shown)
        try:
            return await self._run.start()
        except ContextLengthExceeded:
            raise
        except InvalidRequest as error:
            if self._args.response_format is None:
                raise
            raise InvalidRequest(  # of what is passed on, a schema alone was not checked before
                "The engine can't follow the schema in response_format.",
                param="response_format",
                resolution="Send a JSON Schema in response_format that refers to nothing outside it.",
            ) from error

    async def events(self) -> AsyncIterator[Delta]:
        """The deltas that carry something; finishes and usage are gathered, not shown. With a new
        ``attempt`` another engine begins anew: what came before is no part of the answer."""
        async for event in self._run.events():
            match event:
                case Delta() if event.says:
                    yield self._choices[event.index].add(event)
                case Finish():
                    self._choices[event.index].finish(event.reason)
                case Metered():
                    self._usage = event.usage
                case Started():
                    self.attempt += 1
                    self._choices = [_Choice(choice.index) for choice in self._choices]
                case _:
                    continue

    def result(self) -> Result:
        choices = [choice.rendered() for choice in self._choices]
        output = {
            "id": self._id,
            "object": "chat.completion",
            "created": self.created_s,
            "model": self._args.model,
            "choices": choices,
            "usage": usage_rendered(self._usage),
        }
        return Result(output, self._usage, chat_response_hash(choices), self._run.ran)

    async def close(self) -> None:
        """A stream that was cut is charged for what the engine had generated when it stopped."""
        await self._run.close()
        self._usage = self._run.usage or self._usage


class _Choice:
    """One answer as it grows."""

    __slots__ = ("_calls", "_content", "_logprobs", "_reasoning", "finish_reason", "index")

    def __init__(self, index: int) -> None:
        self.index = index
        self.finish_reason = "length"  # holds for an answer that was cut
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._logprobs: list[Any] | None = None
        self._calls = CalledFunctions()

    def add(self, delta: Delta) -> Delta:
        """Take a piece; it as callers are shown it."""
        if delta.content:
            self._content.append(delta.content)
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        if delta.logprobs is not None:
            self._logprobs = [*(self._logprobs or ()), *(delta.logprobs.get("content") or ())]
        if not delta.tool_calls:
            return delta
        return replace(delta, tool_calls=self._calls.add(delta.tool_calls))

    def finish(self, reason: str) -> None:
        """An answer that stopped with calls stopped for them, and without them for nothing else."""
        stopped = reason in ("stop", "tool_calls")
        self.finish_reason = ("tool_calls" if self._calls else "stop") if stopped else reason

    def rendered(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._content)}
        message["refusal"] = None
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        if self._calls:
            message["content"] = message["content"] or None
            message["tool_calls"] = self._calls.rendered()
        logprobs = None if self._logprobs is None else {"content": self._logprobs, "refusal": None}
        return {
            "index": self.index,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": self.finish_reason,
        }


def usage_rendered(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage object."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def _check_pictures(args: ChatInput, model: Model) -> None:
    if sum(len(message.pictures()) for message in args.messages) > MOST_PICTURES:
        raise InvalidRequest(f"messages hold at most {MOST_PICTURES} images.", param="messages")
    for number, message in enumerate(args.messages):
        if message.pictures() and not model.sees:
            raise InvalidRequest(
                f"messages.{number}.content has an image; {model.id} takes text parts only.",
                param=f"messages.{number}.content",
                resolution="Leave the image out, or choose a model that sees.",
            )


def _input_bound(args: ChatInput) -> int:
    """No tokenizer makes more tokens than bytes; the template adds a constant a message."""
    text = sum(len(message.text().encode()) + len(message.name or "") for message in args.messages)
    for message in args.messages:
        text += sum(len(orjson.dumps(call.model_dump())) for call in message.tool_calls or ())
        text += len(message.tool_call_id or "") + _IMAGE_TOKENS * len(message.pictures())
    for tool in args.tools or ():
        text += len(orjson.dumps(tool.model_dump(exclude_none=True))) + _MESSAGE_TOKENS
    return (
        text
        + _MESSAGE_TOKENS * len(args.messages)
        + (_TOOLS_TOKENS if args.tools else 0)
        + (_TEMPLATE_TOKENS)
    )


def _engine_body(args: ChatInput, output_limit: int) -> Mapping[str, Any]:
    """Only what was validated, under the names that every engine knows."""
    body: dict[str, Any] = {
        "messages": [message.engine_form() for message in args.messages],
        "max_tokens": output_limit,
    }
    for name in _ENGINE_FIELDS:
        value = getattr(args, name)
        if value is not None:
            body[name] = value
    if args.tools and args.tool_choice != "none":
        body["tools"] = [tool.model_dump(exclude_none=True) for tool in args.tools]
        if args.tool_choice is not None:
            choice = args.tool_choice
            body["tool_choice"] = choice if isinstance(choice, str) else choice.model_dump()
    if args.response_format is not None:
        body["response_format"] = args.response_format.model_dump(by_alias=True, exclude_none=True)
    return body
