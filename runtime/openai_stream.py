"""A streamed completion as engine events; each event is parsed once."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from base.usage import Usage
from runtime.engine import Delta, Event, Fault, Finish, Metered, Started
from runtime.openai_faults import fault_of_error
from runtime.tallies import Tally

_REASONS: Final = {"length": "length", "content_filter": "content_filter", "tool_calls": "tool_calls"}
_BROKEN: Final = ("abort", "error")  # reasons of an engine that gave a choice up

Piece = Callable[[Mapping[str, Any]], Delta | None]
"""Reads what a choice of one chunk brings, None when it brings nothing."""


class StreamReader:
    """Turns the payloads of one stream into events and knows whether it ended whole.

    ``piece`` reads a choice, ``started`` makes the first event from the first chunk. Raises nothing:
    what can't be understood is a Fault.
    """

    def __init__(
        self,
        choices: int,
        piece: Piece,
        tally: Tally,
        started: Callable[[Mapping[str, Any]], Started],
    ) -> None:
        self.done = False
        self.usage = Usage()
        self._unfinished = set(range(choices))
        self._choices = choices
        self._piece = piece
        self._tally = tally
        self._started: Callable[[Mapping[str, Any]], Started] | None = started

    def events(self, payload: bytes) -> list[Event]:
        """The events of one payload; a Fault is the last one of the stream."""
        if payload == b"[DONE]":
            self.done = True
            return []
        try:
            chunk = orjson.loads(payload)
            return self._events(chunk)
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError):
            return [_internal("an event that can't be understood")]

    def ending(self) -> Event:
        """What ends the stream: the final usage when it is whole, else a Fault."""
        if self._unfinished or not self.done:
            return Fault("truncated", retryable=True, status=502, detail="no finish or no [DONE]")
        if not self._tally.exact:
            return _internal("a stream without usage")
        return Metered(self.usage)

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
        if usage is not None and usage != self.usage:
            self.usage = usage
            if not self._tally.exact:  # the exact one is told at the end
                events.append(Metered(usage))
        for choice in choices:
            index = choice["index"]
            if type(index) is not int or not 0 <= index < self._choices:
                events.append(_internal("a choice that was not asked for"))
                break
            delta = self._piece(choice)
            if delta is not None:
                events.append(delta)
            reason = choice.get("finish_reason")
            if reason:
                events.append(self._finish(index, reason))
        return events

    def _finish(self, index: int, reason: str) -> Event:
        if reason in _BROKEN:
            return Fault("unavailable", retryable=True, status=502, detail="gave a choice up")
        self._unfinished.discard(index)
        return Finish(index, _REASONS.get(reason, "stop"))


def _internal(detail: str) -> Fault:
    return Fault("internal", retryable=False, status=502, detail=detail)
