"""The calls of functions in one answer, put together from its pieces."""

from collections.abc import Iterable, Mapping
from typing import Any

from base.ids import new_id


class CalledFunctions:
    """Pieces come as ``{index, id?, function: {name?, arguments?}}``; a call keeps its place."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: dict[int, _Called] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, pieces: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The pieces as callers are shown them: the first of a call has its id, its type and its name.
        A call that the engine gave no id gets one."""
        return [self._add(piece) for piece in pieces]

    def rendered(self) -> list[dict[str, Any]]:
        """OpenAI's tool_calls, in their order."""
        return [call.rendered() for _, call in sorted(self._calls.items())]

    def _add(self, piece: Mapping[str, Any]) -> dict[str, Any]:
        index = int(piece.get("index") or 0)
        function = piece.get("function") or {}
        arguments = function.get("arguments") or ""
        call = self._calls.get(index)
        if call is not None:
            call.arguments.append(arguments)
            return {"index": index, "function": {"arguments": arguments}}
        call = _Called(piece.get("id") or new_id("call"), function.get("name") or "", arguments)
        self._calls[index] = call
        shown = {"name": call.name, "arguments": arguments}
        return {"index": index, "id": call.id, "type": "function", "function": shown}


class _Called:
    __slots__ = ("arguments", "id", "name")

    def __init__(self, call_id: str, name: str, arguments: str) -> None:
        self.id = call_id
        self.name = name
        self.arguments = [arguments]

    def rendered(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": "".join(self.arguments)}
        return {"id": self.id, "type": "function", "function": function}
