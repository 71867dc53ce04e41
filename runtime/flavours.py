"""How OpenAI-compatible servers differ: what a request adds, how usage is told, how a run is aborted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runtime.bodies import STREAMED, base_body, choices_of
from runtime.engine import EngineCall, Fault, Load, Modality
from runtime.tallies import LastUsage, Tally, UsagePerChoice


@dataclass(frozen=True, slots=True)
class AbortOrder:
    """The request that aborts a run. ``has_tail``: the run then ends at once with its exact usage."""

    path: str
    body: Mapping[str, Any]
    has_tail: bool


class Flavour(Protocol):
    """One kind of server. ``name`` names it in evidence, ``ready_path`` answers 200 when it serves;
    ``traced``: it is ours, and the spans that it makes join the trace of a call."""

    @property
    def name(self) -> str: ...

    @property
    def ready_path(self) -> str: ...

    @property
    def traced(self) -> bool: ...

    @property
    def about_paths(self) -> tuple[str, ...]:
        """Where the server tells its version and its weights' version."""

    def listed_modality(self, facts: Mapping[str, Any]) -> Modality:
        """What the models that it lists do, by what ``about_paths`` told."""

    @property
    def load_path(self) -> str | None:
        """Where the server tells what it has in hand, None when it does not."""

    def told_load(self, body: bytes) -> Load | None:
        """What it told there; None when it can't be understood."""

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        """The true model of an answer."""

    def refusal(self, call: EngineCall) -> Fault | None:
        """Why this server must not be sent a call: what it would ignore, break on or misread."""

    def body(self, call: EngineCall, rid: str) -> Mapping[str, Any]:
        """The request of a call, under the id ``rid``."""

    def tally(self, call: EngineCall) -> Tally: ...

    def abort(self, call: EngineCall, rid: str) -> AbortOrder | None:
        """How to abort a run; None when only the end of its connection does."""


def refused_field(name: str) -> Fault:
    """The refusal of a field that a server can't honour."""
    return Fault("invalid", retryable=False, status=400, detail=f"{name} is not supported")


@dataclass(frozen=True, slots=True)
class OpenAi:
    """Any compatible server, by the public API alone."""

    name: str = "openai"
    ready_path: str = "/v1/models"
    about_paths: tuple[str, ...] = ()
    load_path: str | None = None
    traced: bool = False

    def listed_modality(self, facts: Mapping[str, Any]) -> Modality:
        return Modality.CHAT

    def told_load(self, body: bytes) -> Load | None:
        return None

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        return str(chunk.get("model") or call.model)

    def refusal(self, call: EngineCall) -> Fault | None:
        return None

    def body(self, call: EngineCall, rid: str) -> Mapping[str, Any]:
        return base_body(call)

    def tally(self, call: EngineCall) -> Tally:
        return LastUsage()

    def abort(self, call: EngineCall, rid: str) -> AbortOrder | None:
        return None


@dataclass(frozen=True, slots=True)
class LlamaCpp:
    """llama.cpp's server. ``system`` is the system message of conversations that bring none."""

    system: str | None = None
    name: str = "llama.cpp"
    ready_path: str = "/health"
    about_paths: tuple[str, ...] = ()
    load_path: str | None = None
    traced: bool = False

    def listed_modality(self, facts: Mapping[str, Any]) -> Modality:
        return Modality.CHAT

    def told_load(self, body: bytes) -> Load | None:
        return None

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        return call.model  # it is started with one model and answers to any name

    def refusal(self, call: EngineCall) -> Fault | None:
        return None

    def body(self, call: EngineCall, rid: str) -> Mapping[str, Any]:
        body = base_body(call)
        if call.modality in STREAMED:
            body["timings_per_token"] = True
            body["return_progress"] = True  # it notices that its reader left only when it writes
        if call.modality is Modality.CHAT:
            self._adapt_chat(body)
        return body

    def tally(self, call: EngineCall) -> Tally:
        return UsagePerChoice(choices_of(call))

    def abort(self, call: EngineCall, rid: str) -> AbortOrder | None:
        return None

    def _adapt_chat(self, body: dict[str, Any]) -> None:
        if body.get("logprobs"):
            body["top_logprobs"] = max(1, body.get("top_logprobs") or 0)
        messages = body["messages"]
        if self.system is not None and all(message["role"] != "system" for message in messages):
            body["messages"] = [{"role": "system", "content": self.system}, *messages]
