"""Calls of functions that have to be made: llama.cpp ignores ``tool_choice``, so its grammar makes them.

The model is shown the functions in the system message and may write one JSON object alone, the name and
the arguments of a call; what it writes is told as that call, piece by piece.
"""

import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from runtime.engine import Delta, EngineCall, Event, Finish
from runtime.retold import Retold, RunOne

_HEAD: Final = re.compile(r'\s*\{\s*"name"\s*:\s*"([^"\\]+)"\s*,\s*"arguments"\s*:\s*')
_ANY: Final = {"type": "object"}


def must_call(call: EngineCall) -> bool:
    """Whether a call leaves the model no choice but to call a function."""
    choice = call.body.get("tool_choice")
    return choice == "required" or isinstance(choice, Mapping)


class ForcedCalls(Retold):
    """Runs such a call; its events read as those of a model that calls functions by itself."""

    def __init__(self, call: EngineCall, run_one: RunOne) -> None:
        super().__init__(replace(call, body=_forcing(call.body)), run_one)
        self._written: dict[int, _Written] = {}

    async def told(self, events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
        async for event in events:
            match event:
                case Delta() if event.content:
                    pieces = self._of(event.index).add(event.content)
                    if pieces or event.logprobs or event.role:
                        yield replace(event, content="", tool_calls=pieces)
                case Finish():
                    if pieces := self._of(event.index).end():
                        yield Delta(event.index, tool_calls=pieces)
                    yield event
                case _:
                    yield event

    def _of(self, index: int) -> "_Written":
        return self._written.setdefault(index, _Written())


class _Written:
    """What one choice has written so far. The brace that closes the whole object is no argument, so the
    last braces are held until more text comes."""

    def __init__(self) -> None:
        self._head = ""
        self._held = ""
        self._begun = False

    def add(self, text: str) -> Sequence[Mapping[str, Any]]:
        if self._begun:
            return self._arguments(text)
        self._head += text
        found = _HEAD.match(self._head)
        if found is None:
            return ()
        self._begun = True
        function = {"name": found[1], "arguments": ""}
        first = {"index": 0, "id": f"call_{secrets.token_hex(12)}", "function": function}
        return (first, *self._arguments(self._head[found.end() :]))

    def end(self) -> Sequence[Mapping[str, Any]]:
        """The rest, without the brace that closes the whole."""
        rest = self._held.rstrip().removesuffix("}").rstrip()
        self._held = ""
        return _piece(rest)

    def _arguments(self, text: str) -> Sequence[Mapping[str, Any]]:
        text = self._held + text
        sure = len(text.rstrip("} \t\r\n"))
        self._held = text[sure:]
        return _piece(text[:sure])


def _piece(arguments: str) -> Sequence[Mapping[str, Any]]:
    return ({"index": 0, "function": {"arguments": arguments}},) if arguments else ()


def _forcing(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a call whose answer is one of the functions that may be called, as JSON."""
    choice = body["tool_choice"]
    named = choice["function"]["name"] if isinstance(choice, Mapping) else None
    functions = [tool["function"] for tool in body["tools"]]
    functions = [each for each in functions if named in (None, each["name"])]
    calls = [_call_schema(function) for function in functions]
    schema = calls[0] if len(calls) == 1 else {"anyOf": calls}
    forced = {name: value for name, value in body.items() if name not in _TAKEN}
    forced["messages"] = _told_of(functions, body["messages"])
    forced["response_format"] = {
        "type": "json_schema",
        "json_schema": {"name": "call", "schema": schema, "strict": True},
    }
    return forced


_TAKEN: Final = ("tools", "tool_choice", "parallel_tool_calls", "response_format")


def _call_schema(function: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"const": function["name"]},
            "arguments": function.get("parameters") or _ANY,
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _told_of(
    functions: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The messages, the system's with the functions in it."""
    listed = "\n".join(orjson.dumps(function).decode() for function in functions)
    text = (
        'Call a function. Answer with JSON alone: {"name": its name, "arguments": its arguments}. '
        f"Functions:\n{listed}"
    )
    if messages and messages[0]["role"] == "system":
        before = messages[0]["content"]
        return [{**messages[0], "content": f"{before}\n\n{text}"}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]
