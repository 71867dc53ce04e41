"""How servers tell the usage of a stream: once, on every chunk, or for each choice by itself."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from base.usage import Usage


class Tally(Protocol):
    """Follows what one stream tells of its usage."""

    @property
    def exact(self) -> bool:
        """Whether the final usage is known."""

    def take(self, chunk: Mapping[str, Any]) -> Usage | None:
        """The usage so far, when this chunk tells it."""


class LastUsage:
    """Usage of the whole call, told once at the end."""

    def __init__(self) -> None:
        self.exact = False

    def take(self, chunk: Mapping[str, Any]) -> Usage | None:
        usage = chunk.get("usage")
        if not usage:
            return None
        choices = chunk.get("choices")
        self.exact = not choices or any(choice.get("finish_reason") for choice in choices)
        return usage_of(usage)


class RunningUsage:
    """Usage of one choice on each of its chunks, of the whole call at the end.

    ``per_prompt`` is how many choices each prompt has: its input counts once. ``most`` are the output
    tokens that the call may have: a server that tells more makes them up, or goes on for ever.
    """

    def __init__(self, per_prompt: int = 1, most: float = math.inf) -> None:
        self.exact = False
        self._per_prompt = per_prompt
        self._most = most
        self._outputs: dict[int, int] = {}
        self._inputs: dict[int, Usage] = {}

    def take(self, chunk: Mapping[str, Any]) -> Usage | None:
        usage = chunk.get("usage")
        if not usage:
            return None
        told = usage_of(usage)
        if told.output_tokens > self._most:
            raise ValueError("more tokens than were asked for")
        choices = chunk.get("choices")
        if not choices:
            self.exact = True
            return told
        index = choices[0]["index"]
        self._outputs[index] = told.output_tokens
        self._inputs[index // self._per_prompt] = told
        if len(self._outputs) == 1:  # as of most calls: there is nothing to add up
            return told
        return replace(
            told,
            input_tokens=sum(one.input_tokens for one in self._inputs.values()),
            cached_tokens=sum(one.cached_tokens for one in self._inputs.values()),
            output_tokens=sum(self._outputs.values()),
        )


class UsagePerChoice:
    """Usage told for each choice by itself: outputs are added up, the common input counts once."""

    def __init__(self, choices: int) -> None:
        self._awaited = choices
        self._outputs: dict[int, int] = {}
        self._input = 0
        self._cached = 0
        self._ended = 0

    @property
    def exact(self) -> bool:
        return self._awaited <= 0

    def take(self, chunk: Mapping[str, Any]) -> Usage | None:
        choices = chunk.get("choices")
        usage, timings = chunk.get("usage"), chunk.get("timings")
        if choices and choices[0].get("finish_reason"):
            self._ended = choices[0]["index"]  # the next usage is this choice's
        if usage:
            told = usage_of(usage)
            self._awaited -= 1
            self._outputs[self._ended] = told.output_tokens
            self._input, self._cached = told.input_tokens, told.cached_tokens
        elif choices and timings:
            self._outputs[choices[0]["index"]] = int(timings["predicted_n"])
            self._cached = int(timings["cache_n"])
            self._input = self._cached + int(timings["prompt_n"])
        else:
            return None
        return Usage(self._input, sum(self._outputs.values()), self._cached)


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """OpenAI's usage object as ours. Raises KeyError, TypeError and ValueError for anything else."""
    details = usage.get("prompt_tokens_details") or {}
    sent = int(usage["prompt_tokens"])
    cached = min(sent, int(details.get("cached_tokens") or 0))  # a record with more does not verify
    return Usage(sent, int(usage.get("completion_tokens") or 0), cached)
