"""Text completion chunks: engine deltas rendered under our own ids and names."""

import time
from collections.abc import Mapping
from typing import Any

import orjson

from runtime.engine import Delta
from server.openai.vaas import vaas_member
from tools.invoke import Done

_DONE = b"data: [DONE]\n\n"


class TextChunkWriter:
    """Renders one stream, as ChunkWriter does: the chunk of the last finish_reason carries ``vaas``."""

    def __init__(self, run_id: str, arguments: Mapping[str, Any]) -> None:
        options = arguments.get("stream_options") or {}
        self._with_usage = bool(options.get("include_usage"))
        self._arguments = arguments
        self._head = {
            "id": "cmpl_" + run_id.removeprefix("run_"),
            "object": "text_completion",
            "created": int(time.time()),
            "model": arguments["model"],
        }

    def opening(self) -> bytes:
        """The prompt of each choice where it is echoed."""
        if not self._arguments.get("echo"):
            return b""
        prompt = self._arguments["prompt"]
        prompts = [prompt] if isinstance(prompt, str) else prompt
        per_prompt = int(self._arguments.get("n") or 1)
        return b"".join(
            self._choice(index, prompts[index // per_prompt], None, None)
            for index in range(len(prompts) * per_prompt)
        )

    def delta(self, delta: Delta) -> bytes:
        return self._choice(delta.index, delta.content, delta.logprobs, None)

    def stored(self, output: Mapping[str, Any]) -> bytes:
        """The whole text of a stored answer after its echo, one chunk a choice."""
        prompt = self._arguments["prompt"]
        prompts = [prompt] if isinstance(prompt, str) else prompt
        per_prompt = int(self._arguments.get("n") or 1)
        parts = []
        for choice in output["choices"]:
            index, text = choice["index"], choice["text"]
            if self._arguments.get("echo"):
                text = text.removeprefix(prompts[index // per_prompt])
            parts.append(self._choice(index, text, choice["logprobs"], None))
        return b"".join(parts)

    def closing(self, done: Done) -> bytes:
        """Finish chunks, the usage chunk if it was asked for, and the end of the stream."""
        choices = done.output["choices"]
        parts = [self._finish(choice, {}) for choice in choices[:-1]]
        extra = {name: done.output[name] for name in ("fim",) if name in done.output}
        if done.settled is not None:
            extra["vaas"] = vaas_member(done.run_id, done.settled.evidence, done.settled.salt)
        parts.append(self._finish(choices[-1], extra))
        if self._with_usage:
            parts.append(self._chunk([], usage=done.output["usage"]))
        return b"".join((*parts, _DONE))

    def _finish(self, choice: Mapping[str, Any], extra: Mapping[str, Any]) -> bytes:
        shown = {"index": choice["index"], "text": "", "logprobs": None}
        return self._chunk([{**shown, "finish_reason": choice["finish_reason"]}], **extra)

    def _choice(self, index: int, text: str, logprobs: Any, finish_reason: str | None) -> bytes:
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}
        return self._chunk([choice])

    def _chunk(self, choices: list[Any], **extra: Any) -> bytes:
        usage = {"usage": None} if self._with_usage else {}
        return b"data: " + orjson.dumps({**self._head, "choices": choices, **usage, **extra}) + b"\n\n"
