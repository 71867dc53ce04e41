"""How OpenAI-compatible servers differ: what a request adds, how usage is told, how a run is aborted."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from base.usage import Usage
from runtime.engine import EngineCall

_CHAT_FIELDS: Final = (
    "messages",
    "max_tokens",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "response_format",
)


class Tally(Protocol):
    """Follows what one stream tells of its usage."""

    @property
    def exact(self) -> bool:
        """Whether the final usage is known."""

    def take(self, chunk: Mapping[str, Any]) -> Usage | None:
        """The usage so far, when this chunk tells it."""


class Flavour(Protocol):
    """One kind of server. ``name`` names it in evidence, ``ready_path`` answers 200 when it serves."""

    @property
    def name(self) -> str: ...

    @property
    def ready_path(self) -> str: ...

    @property
    def about_paths(self) -> tuple[str, ...]:
        """Where the server tells its version and its weights' version."""

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        """The true model of an answer."""

    def chat_body(self, call: EngineCall, rid: str) -> dict[str, Any]: ...

    def embedding_body(self, call: EngineCall, rid: str) -> dict[str, Any]: ...

    def tally(self, call: EngineCall) -> Tally: ...

    def abort(self, rid: str) -> tuple[str, Mapping[str, Any]] | None:
        """Path and body of the request that aborts a run; None when closing its connection does."""


@dataclass(frozen=True, slots=True)
class OpenAi:
    """Any compatible server, by the public API alone."""

    name: str = "openai"
    ready_path: str = "/v1/models"
    about_paths: tuple[str, ...] = ()

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        return str(chunk.get("model") or call.model)

    def chat_body(self, call: EngineCall, rid: str) -> dict[str, Any]:
        return _chat_body(call)

    def embedding_body(self, call: EngineCall, rid: str) -> dict[str, Any]:
        return _embedding_body(call)

    def tally(self, call: EngineCall) -> Tally:
        return LastUsage()

    def abort(self, rid: str) -> tuple[str, Mapping[str, Any]] | None:
        return None


@dataclass(frozen=True, slots=True)
class SgLang:
    """SGLang: we set the request id, the priority and a salt, so that tenants share no prefix cache."""

    salt_key: bytes
    priorities: Mapping[str, int]
    name: str = "sglang"
    ready_path: str = "/ready"
    about_paths: tuple[str, ...] = ("/server_info", "/model_info")

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        return call.model  # it echoes whatever name it is asked for

    def chat_body(self, call: EngineCall, rid: str) -> dict[str, Any]:
        body = _chat_body(call)
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        body["cache_salt"] = hmac.digest(self.salt_key, call.tenant.encode(), hashlib.sha256).hex()
        return self._identified(body, call, rid)

    def embedding_body(self, call: EngineCall, rid: str) -> dict[str, Any]:
        return self._identified(_embedding_body(call), call, rid)

    def tally(self, call: EngineCall) -> Tally:
        return RunningUsage()

    def abort(self, rid: str) -> tuple[str, Mapping[str, Any]] | None:
        return "/abort_request", {"rid": rid}

    def _identified(self, body: dict[str, Any], call: EngineCall, rid: str) -> dict[str, Any]:
        body["rid"] = rid
        priority = self.priorities.get(call.lane)
        if priority is not None:
            body["priority"] = priority
        return body


@dataclass(frozen=True, slots=True)
class LlamaCpp:
    """llama.cpp's server. ``system`` is the system message of conversations that bring none."""

    system: str | None = None
    name: str = "llama.cpp"
    ready_path: str = "/health"
    about_paths: tuple[str, ...] = ()

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        return call.model  # it is started with one model and answers to any name

    def chat_body(self, call: EngineCall, rid: str) -> dict[str, Any]:
        body = _chat_body(call)
        body["timings_per_token"] = True
        body["return_progress"] = True  # it notices that its reader left only when it writes
        if body.get("logprobs"):
            body["top_logprobs"] = max(1, body.get("top_logprobs") or 0)
        messages = body["messages"]
        if self.system is not None and all(message["role"] != "system" for message in messages):
            body["messages"] = [{"role": "system", "content": self.system}, *messages]
        return body

    def embedding_body(self, call: EngineCall, rid: str) -> dict[str, Any]:
        return _embedding_body(call)

    def tally(self, call: EngineCall) -> Tally:
        return UsagePerChoice(call.body.get("n") or 1)

    def abort(self, rid: str) -> tuple[str, Mapping[str, Any]] | None:
        return None


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
        return _usage_of(usage)


class RunningUsage:
    """Usage of one choice on each of its chunks, of the whole call at the end."""

    def __init__(self) -> None:
        self.exact = False
        self._outputs: dict[int, int] = {}

    def take(self, chunk: Mapping[str, Any]) -> Usage | None:
        usage = chunk.get("usage")
        if not usage:
            return None
        told = _usage_of(usage)
        choices = chunk.get("choices")
        if not choices:
            self.exact = True
            return told
        self._outputs[choices[0]["index"]] = told.output_tokens
        return replace(told, output_tokens=sum(self._outputs.values()))


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
            told = _usage_of(usage)
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


def _usage_of(usage: Mapping[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        int(usage["prompt_tokens"]),
        int(usage.get("completion_tokens") or 0),
        int(details.get("cached_tokens") or 0),
    )


def _chat_body(call: EngineCall) -> dict[str, Any]:
    """Always streamed: a cancelled run is seen at once, a stall shows, usage is exact."""
    body: dict[str, Any] = {"model": call.model}
    for name in _CHAT_FIELDS:
        if name in call.body:
            body[name] = call.body[name]
    body["stream"] = True
    body["stream_options"] = {"include_usage": True}
    return body


def _embedding_body(call: EngineCall) -> dict[str, Any]:
    return {"model": call.model, "input": call.body["input"], "encoding_format": "base64"}
