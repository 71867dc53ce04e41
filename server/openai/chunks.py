"""Chat completion chunks: engine deltas rendered under our own ids and names."""

import time
from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from runtime.engine import Delta
from server.openai.vaas import vaas_member
from tools.invoke import Done

_DONE = b"data: [DONE]\n\n"


class Chunks(Protocol):
    """Renders the events of one stream."""

    def opening(self) -> bytes: ...

    def delta(self, delta: Delta) -> bytes: ...

    def stored(self, output: Mapping[str, Any]) -> bytes: ...

    def closing(self, done: Done) -> bytes: ...


class ChunkWriter:
    """Renders one stream. The envelope is made once; a delta costs one small dump.

    Every choice has an opening chunk with its role. The chunk that carries the last ``finish_reason``
    also carries ``vaas``, the evidence of the call: it leaves only when the capture is durable.
    """

    def __init__(self, run_id: str, arguments: Mapping[str, Any]) -> None:
        options = arguments.get("stream_options") or {}
        self._with_usage = bool(options.get("include_usage"))
        self._choices = int(arguments.get("n") or 1)
        head = {
            "id": "chatcmpl_" + run_id.removeprefix("run_"),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": arguments["model"],
        }
        self._head = b"data: " + orjson.dumps(head)[:-1] + b',"choices":['
        self._tail = b'],"usage":null}\n\n' if self._with_usage else b"]}\n\n"

    def opening(self) -> bytes:
        """The role of each choice."""
        return b"".join(
            self._choice(index, {"role": "assistant", "content": ""}, None)
            for index in range(self._choices)
        )

    def delta(self, delta: Delta) -> bytes:
        fields: dict[str, Any] = {}
        if delta.content:
            fields["content"] = delta.content
        if delta.reasoning:
            fields["reasoning_content"] = delta.reasoning
        if delta.tool_calls:
            fields["tool_calls"] = delta.tool_calls
        return self._render(delta.index, fields, delta.logprobs, None)

    def stored(self, output: Mapping[str, Any]) -> bytes:
        """The whole text of a stored answer, one chunk a choice."""
        return b"".join(
            self._choice(choice["index"], _whole_delta(choice["message"]), choice["logprobs"])
            for choice in output["choices"]
        )

    def closing(self, done: Done) -> bytes:
        """Finish chunks, the usage chunk if it was asked for, and the end of the stream."""
        choices = done.output["choices"]
        parts = [self._finish(choice) for choice in choices[:-1]]
        vaas = b""
        if done.settled is not None:
            vaas = b'],"vaas":' + orjson.dumps(
                vaas_member(done.run_id, done.settled.evidence, done.settled.salt)
            )
        last = self._finish(choices[-1])
        parts.append(last.removesuffix(self._tail) + vaas + self._tail[1 if vaas else 0 :])
        if self._with_usage:
            usage = orjson.dumps(done.output["usage"])
            parts.append(self._head + b'],"usage":' + usage + b"}\n\n")
        return b"".join((*parts, _DONE))

    def _finish(self, choice: Mapping[str, Any]) -> bytes:
        return self._render(choice["index"], {}, None, choice["finish_reason"])

    def _choice(self, index: int, fields: Mapping[str, Any], logprobs: Any) -> bytes:
        return self._render(index, fields, logprobs, None)

    def _render(
        self, index: int, fields: Mapping[str, Any], logprobs: Any, finish_reason: str | None
    ) -> bytes:
        choice = {
            "index": index,
            "delta": fields,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }
        return self._head + orjson.dumps(choice) + self._tail


def _whole_delta(message: Mapping[str, Any]) -> dict[str, Any]:
    """All of a stored message as one delta."""
    shown = {name: message[name] for name in ("content", "reasoning_content") if message.get(name)}
    if message.get("tool_calls"):
        shown["tool_calls"] = [
            {"index": index, **call} for index, call in enumerate(message["tool_calls"])
        ]
    return shown
