"""From what was kept of a response's making to the events of its stream, the same at every reading."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from runtime.engine import Delta
from tools.responses.growing import Event, GrowingResponse
from tools.responses.pieces import Entry
from tools.responses.rendered import bare

_REASONS: Final = {"completed": "stop", "incomplete": "length"}


class Replay:
    """The stream of one response, which is begun as it was taken on."""

    def __init__(self, response: Mapping[str, Any]) -> None:
        self._growing = GrowingResponse(bare(response))
        self._begun = False

    def opening(self) -> list[Event]:
        return self._growing.queued()

    def end(self, response: Mapping[str, Any]) -> list[Event]:
        """How it ended. Of one that has no answer nothing is closed."""
        reason = _REASONS.get(response["status"])
        closing = self._growing.end(reason) if reason else []
        return [*closing, self._growing.last(response)]

    def add(self, entry: Entry) -> list[Event]:
        if isinstance(entry, list):
            return self._growing.add(_delta(entry))
        self._growing.logprobs = entry["logprobs"]
        if self._begun:
            return self._growing.anew()
        self._begun = True
        return self._growing.begun()


def items_in(entries: Iterable[Entry]) -> int:
    """How many items of an answer were begun in these."""
    growing = GrowingResponse({"id": ""})
    for entry in entries:
        if isinstance(entry, list):
            growing.add(_delta(entry))
        else:
            growing.anew()
    return growing.items


def _delta(piece: list[Any]) -> Delta:
    content, reasoning, tool_calls, logprobs = piece
    return Delta(0, content, reasoning=reasoning, tool_calls=tool_calls, logprobs=logprobs)
