"""The complete tool: texts gone on with, or filled in before a suffix, streamed or whole."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from base.clock import Clock
from base.errors import InvalidRequest
from base.pricing import Quote
from base.usage import Usage
from runtime.catalog import Catalog, Model
from runtime.engine import Delta, Finish, Metered, Modality, Started
from runtime.pool import Engines
from settlement.evidence.hashes import completion_response_hash
from settlement.rail import Served
from tools.chat import usage_rendered
from tools.complete_schema import CompletionInput, CompletionOutput
from tools.core import Annotations, Call, Result, Tool
from tools.engine_run import EngineRun, engine_run
from tools.honoured import check_honoured

_OUTPUT_TOKENS: Final = 16  # OpenAI's default
_INFILL_TOKENS: Final = 160  # what asking for an infill in words, and a chat template, add at most
_MARKER_TOKENS: Final = 8  # what a tokenizer or a completion template adds around a text
_ENGINE_FIELDS: Final = (
    "temperature",
    "top_p",
    "n",
    "logprobs",
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
)
_INFILL: Final = (
    "You fill in a gap. You are given what comes before the gap and what comes after it. Answer with "
    "the missing text alone: no quotes, no explanation, nothing of what is before or after."
)


@dataclass(frozen=True, slots=True)
class Complete:
    """Builds the complete tool over the engines and the catalog."""

    catalog: Catalog
    engines: Engines
    clock: Clock

    def tool(self) -> Tool[CompletionInput]:
        return Tool(
            name="complete",
            title="Complete",
            description="Go on with a text, or fill in what stands before a suffix. Paid per token.",
            Input=CompletionInput,
            Output=CompletionOutput,
            run=self._run,
            quote=self._quote,
            modality=Modality.CHAT,
            annotations=Annotations(read_only=True, idempotent=False, open_world=False),
            examples=({"model": "qwen3-32b", "prompt": "The capital of France is", "max_tokens": 8},),
            available=lambda: self.engines.serves(Modality.COMPLETION),
            listed=False,
        )

    def _quote(self, args: CompletionInput) -> Quote:
        model = self.catalog.resolve(args.model, Modality.CHAT)
        check_honoured(args, model)
        _check_suffix(args, model)
        prompts = args.prompts()
        size = sum(len(prompt.encode()) + _MARKER_TOKENS for prompt in prompts)
        if args.suffix:
            size += len(args.suffix.encode()) + _INFILL_TOKENS
        choices = len(prompts) * (args.n or 1)
        return Quote(args.model, model.card, Usage(size, self._limit(args, model) * choices))

    def _run(self, args: CompletionInput, call: Call) -> "CompletionExecution":
        model = self.catalog.resolve(args.model, Modality.CHAT)
        fim = _fim(args, model)
        body: dict[str, Any] = {"max_tokens": self._limit(args, model)}
        body |= {name: value for name in _ENGINE_FIELDS if (value := getattr(args, name)) is not None}
        if fim == "prompted":
            body["messages"] = _infill_messages(args)
            modality = Modality.CHAT
        else:
            body["prompt"] = args.prompt
            if fim == "native":
                body["suffix"] = args.suffix
            modality = Modality.COMPLETION
        run = engine_run(self.engines, call, modality, model.engine_model, body)
        return CompletionExecution(run, args, call.run_id, self.clock.now_ms() // 1000, fim)

    def _limit(self, args: CompletionInput, model: Model) -> int:
        asked = args.max_tokens or _OUTPUT_TOKENS
        if asked > model.context_length:
            raise InvalidRequest(
                f"max_tokens should be at most {model.context_length}, the context length of "
                f"{args.model}.",
                param="max_tokens",
                resolution=f"Ask for 1 to {model.context_length} output tokens.",
            )
        return asked


class CompletionExecution:
    """One run: passes deltas on and gathers them into the choices."""

    def __init__(
        self, run: EngineRun, args: CompletionInput, run_id: str, created_s: int, fim: str | None
    ) -> None:
        self._run = run
        self._args = args
        self._id = "cmpl_" + run_id.removeprefix("run_")
        self._created_s = created_s
        self._fim = fim
        self._begin()
        self._usage = Usage()

    def reserve(self) -> None:
        self._run.reserve()

    async def start(self) -> Served:
        return await self._run.start()

    async def events(self) -> AsyncIterator[Delta]:
        """The deltas that carry something; finishes and usage are gathered, not shown."""
        async for event in self._run.events():
            match event:
                case Delta() if event.says:
                    yield self._choices[event.index].add(event)
                case Finish():
                    self._choices[event.index].finish_reason = _reason(event.reason)
                case Metered():
                    self._usage = event.usage
                case Started():
                    self._begin()
                case _:
                    continue

    def result(self) -> Result:
        choices = [choice.rendered() for choice in self._choices]
        output: dict[str, Any] = {
            "id": self._id,
            "object": "text_completion",
            "created": self._created_s,
            "model": self._args.model,
            "choices": choices,
            "usage": usage_rendered(self._usage),
        }
        if self._fim is not None:
            output["fim"] = self._fim
        return Result(output, self._usage, completion_response_hash(choices), self._run.ran)

    async def close(self) -> None:
        """A stream that was cut is charged for what the engine had generated when it stopped."""
        await self._run.close()
        self._usage = self._run.usage or self._usage

    def _begin(self) -> None:
        per_prompt = self._args.n or 1
        echoed = self._args.prompts() if self._args.echo else [""] * len(self._args.prompts())
        self._choices = [
            _Choice(index, echoed[index // per_prompt]) for index in range(len(echoed) * per_prompt)
        ]


class _Choice:
    """One choice as it grows, after its prompt where that is echoed."""

    __slots__ = ("_logprobs", "_offset", "_texts", "finish_reason", "index")

    def __init__(self, index: int, echoed: str) -> None:
        self.index = index
        self.finish_reason = "length"  # holds for an output that was cut
        self._texts = [echoed]
        self._offset = len(echoed)
        self._logprobs: dict[str, list[Any]] | None = None

    def add(self, delta: Delta) -> Delta:
        """Take a piece; it as callers are shown it."""
        if delta.content:
            self._texts.append(delta.content)
        if delta.logprobs is None:
            return delta
        told = {**delta.logprobs, "text_offset": self._offsets(delta.logprobs["tokens"])}
        self._logprobs = self._logprobs or {name: [] for name in told}
        for name, values in told.items():
            self._logprobs[name] += values
        return Delta(delta.index, delta.content, logprobs=told)

    def rendered(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "text": "".join(self._texts),
            "logprobs": self._logprobs,
            "finish_reason": self.finish_reason,
        }

    def _offsets(self, tokens: list[str]) -> list[int]:
        offsets = []
        for token in tokens:
            offsets.append(self._offset)
            self._offset += len(token)
        return offsets


def _reason(reason: str) -> str:
    return reason if reason in ("length", "content_filter") else "stop"


def _fim(args: CompletionInput, model: Model) -> str | None:
    if not args.suffix:
        return None
    return "native" if model.infill else "prompted"


def _check_suffix(args: CompletionInput, model: Model) -> None:
    fim = _fim(args, model)
    if fim is not None and len(args.prompts()) > 1:
        raise InvalidRequest(
            "suffix goes with one prompt.", param="suffix", resolution="Send a call for each prompt."
        )
    if fim == "prompted" and args.logprobs is not None:
        raise InvalidRequest(
            f"logprobs can't be honoured together with suffix: {model.id} is asked in words.",
            param="logprobs",
            resolution="Leave logprobs or suffix out.",
        )


def _infill_messages(args: CompletionInput) -> list[Mapping[str, str]]:
    gap = f"Before the gap:\n{args.prompts()[0]}\n\nAfter the gap:\n{args.suffix}"
    return [{"role": "system", "content": _INFILL}, {"role": "user", "content": gap}]
