"""More choices than a server makes at once: a call in parts, whose events read as those of one call."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from base.usage import Usage
from runtime.engine import Delta, EngineCall, Event, Fault, Finish, Meter, Metered, Started

RunOne = Callable[[EngineCall], AbstractAsyncContextManager[AsyncIterator[Event]]]


class InParts:
    """Runs a call of ``n`` choices, for each of its prompts, as calls of one prompt and at most ``most``
    choices, one after the other.

    Output tokens add up; the input of a prompt counts once, as in a call that one server runs whole.
    """

    def __init__(self, call: EngineCall, most: int, run_one: RunOne) -> None:
        self._call = call
        self._most = most
        self._run_one = run_one
        self._events = self._merged()

    async def __aenter__(self) -> AsyncIterator[Event]:
        return self._events

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._events.aclose()

    async def _merged(self) -> AsyncGenerator[Event, None]:
        before, spent, prompt = Usage(), Usage(), 0
        for part in self._parts():
            if part.prompt != prompt:
                before, spent, prompt = _sum(before, spent), Usage(), part.prompt
            usage = Usage()
            try:
                async with self._run_one(part.call) as events:
                    async for event in events:
                        match event:
                            case Started():
                                if part.first:
                                    continue
                            case Delta() | Finish():
                                event = replace(event, index=event.index + part.first)
                            case Metered():
                                usage = event.usage
                                event = Metered(_sum(before, _together(spent, usage)))
                            case _:
                                pass
                        yield event
                        if isinstance(event, Fault):
                            return
            finally:
                spent = _together(spent, part.call.meter.usage or usage)
                self._call.meter.usage = _sum(before, spent)

    def _parts(self) -> Iterator["_Part"]:
        body: Mapping[str, Any] = self._call.body
        prompt, choices = body.get("prompt"), body.get("n") or 1
        prompts = prompt if isinstance(prompt, list) else [prompt]
        for number, text in enumerate(prompts):
            for done in range(0, choices, self._most):
                first = number * choices + done
                part = {**body, "n": min(self._most, choices - done)}
                if text is not None:
                    part["prompt"] = text
                if body.get("seed") is not None:
                    part["seed"] = body["seed"] + first
                rid = f"{self._call.rid}-c{first}"
                yield _Part(number, first, replace(self._call, rid=rid, body=part, meter=Meter()))


@dataclass(frozen=True, slots=True)
class _Part:
    """A call of one prompt whose choices are numbered from ``first`` in the whole."""

    prompt: int
    first: int
    call: EngineCall


def _together(spent: Usage, usage: Usage) -> Usage:
    """Of one prompt: outputs add up, the input is the same."""
    return Usage(usage.input_tokens, spent.output_tokens + usage.output_tokens, usage.cached_tokens)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
    )
