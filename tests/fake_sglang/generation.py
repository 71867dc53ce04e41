"""One generating call: its choices, token by token, and the events that tell them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.fake_sglang import shapes
from tests.fake_sglang.slots import Job
from tests.fake_sglang.words import alternatives, logprob_of, words

_END_OF_TEXT: Final = 2
CHAT: Final = "chat.completion.chunk"
TEXT: Final = "text_completion"


@dataclass
class Choice:
    """A text that grows until its limit, a stop text, or the end of what is forced."""

    index: int
    rid: str
    source: Iterator[str]
    limit: int
    stops: tuple[str, ...]
    echo: str = ""
    text: str = ""
    tokens: int = 0
    finish: str | None = None
    matched: Any = None

    def step(self, most: int) -> tuple[str, list[str]]:
        """Up to so many tokens more: the text that they add, and the tokens."""
        before = len(self.text)
        new: list[str] = []
        while len(new) < most and self.finish is None:
            token = next(self.source, None)
            if token is None:
                self.finish, self.matched = "stop", _END_OF_TEXT
                self.tokens += 1
                break
            new.append(token)
            self.text += token
            self.tokens += 1
            self._look_for_end()
        return self.text[before:], new

    def _look_for_end(self) -> None:
        for stop in self.stops:
            place = self.text.find(stop)
            if place >= 0:
                self.text = self.text[:place]
                self.finish, self.matched = "stop", stop
                return
        if self.tokens >= self.limit:
            self.finish = "length"


@dataclass
class Generation:
    """A call that runs. ``prompts`` has the tokens of each prompt, ``cached`` how many were known."""

    kind: str
    body: Mapping[str, Any]
    choices: list[Choice]
    prompts: list[int]
    cached: int
    tick_s: float

    async def steps(self, job: Job, per_event: int) -> AsyncIterator[tuple[Choice, str, list[str]]]:
        """Each addition to a choice as it comes, until all have ended."""
        active = list(self.choices)
        while active:
            await asyncio.sleep(self.tick_s)
            for choice in active:
                if job.aborted:
                    choice.finish = "abort"
                    yield choice, "", []
                else:
                    text, tokens = choice.step(per_event)
                    yield choice, text, tokens
            active = [choice for choice in active if choice.finish is None]

    async def events(self, job: Job, per_event: int) -> AsyncIterator[dict[str, Any]]:
        """The chunks of a stream."""
        options = self.body.get("stream_options") or {}
        running = bool(options.get("continuous_usage_stats"))
        begun: set[int] = set()
        async for choice, text, tokens in self.steps(job, per_event):
            first = choice.index not in begun
            begun.add(choice.index)
            for told, counts in self._told(choice, text, tokens, first):
                chunk = shapes.chunk(self.kind, choice.rid, str(self.body.get("model")), (told,))
                if self.kind == TEXT:
                    chunk["usage"] = None
                if running and counts:
                    chunk["usage"] = self._usage_of(choice)
                yield chunk
        if options.get("include_usage"):
            last = self.choices[-1]
            chunk = shapes.chunk(self.kind, last.rid, str(self.body.get("model")), ())
            yield {**chunk, "usage": self._final_usage()}

    def usage(self) -> dict[str, Any]:
        """Of the whole call."""
        produced = sum(choice.tokens for choice in self.choices)
        return shapes.usage(sum(self.prompts), produced, self.cached)

    def _told(
        self, choice: Choice, text: str, tokens: list[str], first: bool
    ) -> Iterator[tuple[dict[str, Any], bool]]:
        """The choices of the chunks that tell one addition, and whether they carry usage."""
        index = choice.index
        if self.kind == TEXT:
            shown = (choice.echo if first else "") + text
            logprobs = self._text_logprobs(tokens) if tokens else None
            yield shapes.text_choice(index, shown, logprobs, choice.finish, choice.matched), True
            return
        if first:
            yield shapes.chat_choice(index, {"role": "assistant", "content": ""}), False
        logprobs = self._chat_logprobs(tokens)
        if text or logprobs:
            delta = {"content": text} if text else {}
            yield shapes.chat_choice(index, delta, logprobs), True
        if choice.finish is not None:
            yield shapes.chat_choice(index, {}, None, choice.finish, choice.matched), False

    def _chat_logprobs(self, tokens: list[str]) -> dict[str, Any] | None:
        if not self.body.get("logprobs") or not tokens:
            return None
        top = self.body.get("top_logprobs") or 0
        return {
            "content": [
                {**_entry(token), "top_logprobs": [_entry(t) for t in alternatives(token, top)]}
                for token in tokens
            ]
        }

    def _text_logprobs(self, tokens: list[str]) -> dict[str, Any] | None:
        top = self.body.get("logprobs")
        if top is None:
            return None
        return {
            "text_offset": [-1] * len(tokens),
            "token_logprobs": [logprob_of(token) for token in tokens],
            "tokens": tokens,
            "top_logprobs": [{t: logprob_of(t) for t in alternatives(token, top)} for token in tokens],
        }

    def _usage_of(self, choice: Choice) -> dict[str, Any]:
        """What a chunk tells of its choice alone."""
        per_prompt = len(self.choices) // len(self.prompts)
        prompt = self.prompts[choice.index // per_prompt]
        return shapes.usage(prompt, choice.tokens, None if self.kind == TEXT else self.cached)

    def _final_usage(self) -> dict[str, Any]:
        told = self.usage()
        if self.kind == TEXT:
            del told["completion_tokens_details"]
        return told


def choices_of(
    body: Mapping[str, Any], prompts: list[str], forced: str | None, default_limit: int
) -> list[Choice]:
    """The choices of a call, prompt by prompt. Several have ids of the server's own."""
    each = int(body.get("n") or 1)
    stop = body.get("stop") or ()
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    own = len(prompts) * each == 1 and isinstance(body.get("rid"), str)
    return [
        Choice(
            index=index,
            rid=str(body["rid"]) if own else uuid.uuid4().hex,
            source=iter(forced) if forced is not None else words(prompts[index // each], index % each),
            limit=int(body.get("max_tokens") or default_limit),
            stops=stops,
            echo=prompts[index // each] if body.get("echo") else "",
        )
        for index in range(len(prompts) * each)
    ]


def _entry(token: str) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode()), "logprob": logprob_of(token)}
