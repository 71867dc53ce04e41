"""A chat completion stream as engine events; each event is parsed once."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from base.usage import Usage
from runtime.engine import Delta, Event, Fault, Finish, Metered, Started
from runtime.flavours import Tally
from runtime.openai_faults import fault_of_error

_REASONS: Final = {"length": "length", "content_filter": "content_filter", "tool_calls": "tool_calls"}
_BROKEN: Final = ("abort", "error")  # reasons of an engine that gave a choice up


class ChatReader:
    """Turns the payloads of one stream into events and knows whether it ended whole.

    ``started`` makes the first event from the first chunk; ``top_logprobs`` is how many alternatives
    of a token the caller asked for. Raises nothing: what can't be understood is a Fault.
    """

    def __init__(
        self,
        choices: int,
        top_logprobs: int,
        tally: Tally,
        started: Callable[[Mapping[str, Any]], Started],
    ) -> None:
        self.done = False
        self._unfinished = set(range(choices))
        self._choices = choices
        self._top_logprobs = top_logprobs
        self._tally = tally
        self._started: Callable[[Mapping[str, Any]], Started] | None = started
        self._usage = Usage()

    def events(self, payload: bytes) -> list[Event]:
        """The events of one payload; a Fault is the last one of the stream."""
        if payload == b"[DONE]":
            self.done = True
            return []
        try:
            chunk = orjson.loads(payload)
            return self._events(chunk)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError, IndexError):
            return [_internal("an event that can't be understood")]

    def ending(self) -> Event:
        """What ends the stream: the final usage when it is whole, else a Fault."""
        if self._unfinished or not self.done:
            return Fault("truncated", retryable=True, status=502, detail="no finish or no [DONE]")
        if not self._tally.exact:
            return _internal("a stream without usage")
        return Metered(self._usage)

    def _events(self, chunk: Mapping[str, Any]) -> list[Event]:
        events: list[Event] = []
        choices = chunk.get("choices")
        if choices is None or chunk.get("error"):
            fault = fault_of_error(chunk)
            return [fault] if fault is not None else events
        if "prompt_progress" in chunk:  # llama.cpp reads the prompt: a sign of life, no answer yet
            return events
        if self._started is not None:
            events.append(self._started(chunk))
            self._started = None
        usage = self._tally.take(chunk)
        if usage is not None and usage != self._usage:
            self._usage = usage
            if not self._tally.exact:  # the exact one is told at the end
                events.append(Metered(usage))
        for choice in choices:
            self._read_choice(choice, events)
        return events

    def _read_choice(self, choice: Mapping[str, Any], events: list[Event]) -> None:
        index = choice["index"]
        if not 0 <= index < self._choices:
            events.append(_internal("a choice that was not asked for"))
            return
        delta = choice.get("delta") or {}
        content = delta.get("content") or ""
        reasoning = delta.get("reasoning_content") or delta.get("reasoning") or ""
        role, calls, logprobs = delta.get("role"), delta.get("tool_calls"), choice.get("logprobs")
        if content or role or reasoning or calls or logprobs:
            shown = self._openai_logprobs(logprobs) if logprobs else None
            events.append(Delta(index, content, role, reasoning, tuple(calls or ()), shown))
        reason = choice.get("finish_reason")
        if reason in _BROKEN:
            events.append(Fault("unavailable", retryable=True, status=502, detail="gave a choice up"))
        elif reason:
            self._unfinished.discard(index)
            events.append(Finish(index, _REASONS.get(reason, "stop")))

    def _openai_logprobs(self, logprobs: Mapping[str, Any]) -> Mapping[str, Any]:
        """OpenAI's members alone, with as many alternatives as were asked for."""
        top = self._top_logprobs
        return {
            "content": [
                {**_token(entry), "top_logprobs": [_token(e) for e in entry["top_logprobs"][:top]]}
                for entry in logprobs.get("content") or ()
            ]
        }


def _token(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": entry["token"], "logprob": entry["logprob"], "bytes": entry["bytes"]}


def _internal(detail: str) -> Fault:
    return Fault("internal", retryable=False, status=502, detail=detail)
