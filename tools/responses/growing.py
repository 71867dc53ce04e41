"""The state machine of a response: pieces of an answer in, the events of its stream out.

Its output grows item by item: reasoning, message, function calls, in the order in which the engine
tells them. An item is open until a piece of another one comes, or the answer ends.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runtime.engine import Delta

Event = dict[str, Any]
_STATUS = {"stop": "completed", "tool_calls": "completed"}


class GrowingResponse:
    """One response. ``envelope`` is the response object without output, status and usage; ``logprobs``
    says whether pieces of text carry theirs; ``items_before`` counts the items of attempts that came to
    nothing. Events are numbered from 0."""

    def __init__(
        self, envelope: Mapping[str, Any], *, logprobs: bool = False, items_before: int = 0
    ) -> None:
        self._envelope = envelope
        self.logprobs = logprobs
        self._items_before = items_before
        self._suffix = str(envelope["id"]).rpartition("_")[2]
        self._number = 0
        self._open: _Item | None = None
        self.output: list[dict[str, Any]] = []

    @property
    def items(self) -> int:
        """How many were begun, by all attempts."""
        return self._items_before + len(self.output)

    def opening(self) -> list[Event]:
        """``response.created`` and ``response.in_progress``."""
        shown = {**self._envelope, "status": "in_progress"}
        return [self._event("response.created", response=shown), *self.begun()]

    def queued(self) -> list[Event]:
        """``response.created`` and ``response.queued``, of one that waits for its engine."""
        shown = {**self._envelope, "status": "queued"}
        return [
            self._event("response.created", response=shown),
            self._event("response.queued", response=shown),
        ]

    def begun(self) -> list[Event]:
        """``response.in_progress``."""
        shown = {**self._envelope, "status": "in_progress"}
        return [self._event("response.in_progress", response=shown)]

    def anew(self) -> list[Event]:
        """The answer is begun again: what was said so far is no part of it. Its items stay told, and
        those to come have other places and ids."""
        events = self._close("incomplete")
        self._items_before = self.items
        self.output = []
        return events

    def add(self, delta: Delta) -> list[Event]:
        """The events of one piece."""
        events: list[Event] = []
        if delta.reasoning:
            events += self._text(_Reasoning, delta.reasoning, None)
        if delta.content:
            events += self._text(_Message, delta.content, delta.logprobs)
        for piece in delta.tool_calls:
            events += self._call(piece)
        return events

    def end(self, finish_reason: str) -> list[Event]:
        """Closes what is open."""
        return self._close(_STATUS.get(finish_reason, "incomplete"))

    def last(self, response: Mapping[str, Any]) -> Event:
        """``response.completed``, ``response.incomplete`` or ``response.failed``, with the response as
        it is now. OpenAI has no event for one that was cancelled: it is told as one that failed."""
        status = response["status"]
        kind = "failed" if status == "cancelled" else status
        return self._event(f"response.{kind}", response=response)

    def _text(self, kind: "type[_Text]", text: str, logprobs: Mapping[str, Any] | None) -> list[Event]:
        events: list[Event] = []
        item = self._open
        if not isinstance(item, kind):
            events += self._close("completed")
            item = kind(self.items, self._suffix)
            events += self._begin(item)
            events.append(self._part(item, "added", item.part()))
        entries = _entries(logprobs)
        item.texts.append(text)
        item.logprobs += entries
        place = {"item_id": item.id, "output_index": item.index, "content_index": 0}
        more = {"logprobs": entries} if kind is _Message else {}
        events.append(self._event(f"response.{kind.event}.delta", **place, delta=text, **more))
        return events

    def _call(self, piece: Mapping[str, Any]) -> list[Event]:
        events: list[Event] = []
        function = piece.get("function") or {}
        item = self._open
        if not isinstance(item, _Call) or "id" in piece:
            events += self._close("completed")
            item = _Call(self.items, self._suffix, piece["id"], function.get("name") or "")
            events += self._begin(item)
        arguments = function.get("arguments")
        if arguments:
            item.texts.append(arguments)
            events.append(
                self._event(
                    "response.function_call_arguments.delta",
                    item_id=item.id,
                    output_index=item.index,
                    delta=arguments,
                )
            )
        return events

    def _begin(self, item: "_Item") -> list[Event]:
        self._open = item
        shown = item.shown("in_progress", empty=True)
        self.output.append(shown)
        return [self._event("response.output_item.added", output_index=item.index, item=shown)]

    def _close(self, status: str) -> list[Event]:
        item = self._open
        if item is None:
            return []
        self._open = None
        place: dict[str, Any] = {"item_id": item.id, "output_index": item.index}
        events: list[Event] = []
        text = "".join(item.texts)
        if isinstance(item, _Call):
            called = {"name": item.name, "arguments": text}
            events.append(self._event("response.function_call_arguments.done", **place, **called))
        elif isinstance(item, _Text):
            done: dict[str, Any] = {"content_index": 0, "text": text}
            if isinstance(item, _Message):
                done["logprobs"] = item.logprobs
            events.append(self._event(f"response.{item.event}.done", **place, **done))
            events.append(self._part(item, "done", item.part(self.logprobs)))
        shown = item.shown(status, logprobs=self.logprobs)
        self.output[item.index - self._items_before] = shown
        events.append(self._event("response.output_item.done", output_index=item.index, item=shown))
        return events

    def _part(self, item: "_Text", what: str, part: dict[str, Any]) -> Event:
        return self._event(
            f"response.content_part.{what}",
            item_id=item.id,
            output_index=item.index,
            content_index=0,
            part=part,
        )

    def _event(self, kind: str, **members: Any) -> Event:
        event = {"type": kind, "sequence_number": self._number, **members}
        self._number += 1
        return event


class _Item(ABC):
    """An item that is open. ``texts`` are the pieces of its text or of its arguments."""

    prefix = ""

    def __init__(self, index: int, suffix: str) -> None:
        self.index = index
        self.id = f"{self.prefix}_{suffix}_{index}"
        self.texts: list[str] = []

    @abstractmethod
    def shown(self, status: str, *, empty: bool = False, logprobs: bool = False) -> dict[str, Any]:
        """The item of the response; ``empty`` without what is in it."""


class _Text(_Item):
    """An item that holds one text."""

    part_type = ""
    event = ""

    def __init__(self, index: int, suffix: str) -> None:
        super().__init__(index, suffix)
        self.logprobs: list[Any] = []

    def part(self, logprobs: bool = False) -> dict[str, Any]:
        """The content part as it is now."""
        return {"type": self.part_type, "text": "".join(self.texts)}


class _Reasoning(_Text):
    prefix = "rs"
    part_type = "reasoning_text"
    event = "reasoning_text"

    def shown(self, status: str, *, empty: bool = False, logprobs: bool = False) -> dict[str, Any]:
        content = [] if empty else [self.part()]
        return {
            "id": self.id,
            "type": "reasoning",
            "status": status,
            "summary": [],
            "content": content,
        }


class _Message(_Text):
    prefix = "msg"
    part_type = "output_text"
    event = "output_text"

    def part(self, logprobs: bool = False) -> dict[str, Any]:
        shown = {**super().part(), "annotations": []}
        return {**shown, "logprobs": self.logprobs} if logprobs else shown

    def shown(self, status: str, *, empty: bool = False, logprobs: bool = False) -> dict[str, Any]:
        content = [] if empty else [self.part(logprobs)]
        return {
            "id": self.id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }


class _Call(_Item):
    prefix = "fc"

    def __init__(self, index: int, suffix: str, call_id: str, name: str) -> None:
        super().__init__(index, suffix)
        self.call_id = call_id
        self.name = name

    def shown(self, status: str, *, empty: bool = False, logprobs: bool = False) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "function_call",
            "status": status,
            "call_id": self.call_id,
            "name": self.name,
            "arguments": "" if empty else "".join(self.texts),
        }


def pieces_of(output: Sequence[Mapping[str, Any]]) -> Iterator[Delta]:
    """The items of a finished response as the pieces that make them again."""
    for item in output:
        match item["type"]:
            case "reasoning":
                yield Delta(0, reasoning="".join(part["text"] for part in item["content"]))
            case "message":
                for part in item["content"]:
                    entries = part.get("logprobs")
                    yield Delta(0, part["text"], logprobs={"content": entries} if entries else None)
            case "function_call":
                function = {"name": item["name"], "arguments": item["arguments"]}
                yield Delta(0, tool_calls=({"id": item["call_id"], "function": function},))
            case _:
                continue


def _entries(logprobs: Mapping[str, Any] | None) -> list[Any]:
    return list(logprobs.get("content") or ()) if logprobs else []
