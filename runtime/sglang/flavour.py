"""How a call is told to SGLang, as seen on 0.5.23.

We alone set the request id, the priority and the cache salt, so that tenants share no prefix cache. Its
scheduler aborts every request whose id begins with the id that it is told: ours end in a dot and hold no
other, so none begins another.
"""

import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from runtime.bodies import STREAMED, base_body, choices_of
from runtime.engine import EngineCall, Fault, Load, Modality
from runtime.flavours import AbortOrder, refused_field
from runtime.sglang.guard import problem_of
from runtime.sglang.loads import LOADS_PATH, load_of
from runtime.tallies import RunningUsage, Tally

_SAMPLING: Final = ("top_k", "min_p", "min_tokens", "repetition_penalty", "ignore_eos", "regex", "ebnf")
_MORE: Final[Mapping[Modality, tuple[str, ...]]] = {
    Modality.CHAT: _SAMPLING,
    Modality.COMPLETION: (*_SAMPLING, "response_format"),
    Modality.RERANK: ("instruct",),
}
_LISTED: Final = frozenset((Modality.EMBEDDING, Modality.CLASSIFY))  # a list of inputs has one of ids
_WITHOUT_ID: Final = frozenset((Modality.RERANK, Modality.TRANSCRIPTION))
_TEMPLATE_SWITCH: Final = "enable_thinking"


@dataclass(frozen=True, slots=True)
class SgLang:
    """``salt_key`` makes the salts, ``priorities`` the priority of each kind of lane, and ``infills``
    names the models that are served with a completion template, so that ``suffix`` is honoured."""

    salt_key: bytes
    priorities: Mapping[str, int]
    infills: frozenset[str] = frozenset()
    name: str = "sglang"
    ready_path: str = "/ready"
    about_paths: tuple[str, ...] = ("/server_info", "/model_info")
    load_path: str | None = LOADS_PATH
    traced: bool = True

    def listed_modality(self, facts: Mapping[str, Any]) -> Modality:
        return Modality.EMBEDDING if facts.get("is_generation") is False else Modality.CHAT

    def told_load(self, body: bytes) -> Load | None:
        return load_of(body)

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        return call.model  # it echoes whatever name it is asked for

    def refusal(self, call: EngineCall) -> Fault | None:
        body = call.body
        if body.get("suffix") and (call.model not in self.infills or isinstance(body["prompt"], list)):
            return refused_field("suffix")  # ignored without a template; a list would be garbled
        if call.modality is Modality.TRANSCRIPTION:
            return _unheard(body)
        problem = problem_of(body)
        return Fault("invalid", retryable=False, status=400, detail=problem) if problem else None

    def body(self, call: EngineCall, rid: str) -> Mapping[str, Any]:
        body = base_body(call, *_MORE.get(call.modality, ()))
        if call.modality in STREAMED:
            body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
            body["cache_salt"] = hmac.digest(self.salt_key, call.tenant.encode(), hashlib.sha256).hex()
        if call.modality is Modality.COMPLETION and call.model in self.infills:
            body.setdefault("suffix", "")  # without it the template fills the word None in
        if call.modality is Modality.CHAT:
            _switch_thinking(call, body)
        if call.modality is Modality.RERANK:
            body["return_documents"] = False
        if call.modality in _WITHOUT_ID:
            return body
        body["rid"] = _wire_ids(call, rid) if call.modality in _LISTED else f"{rid}."
        priority = self.priorities.get(call.lane.partition(":")[0])
        if priority is not None:
            body["priority"] = priority
        return body

    def tally(self, call: EngineCall) -> Tally:
        most = (call.body.get("max_tokens") or math.inf) * choices_of(call)
        return RunningUsage(call.body.get("n") or 1, most)

    def abort(self, call: EngineCall, rid: str) -> AbortOrder | None:
        """Several choices run under ids of the server's own: the end of the connection ends them."""
        if call.modality not in STREAMED or choices_of(call) != 1:
            return None
        return AbortOrder("/abort_request", {"rid": f"{rid}."}, has_tail=True)


def _unheard(body: Mapping[str, Any]) -> Fault | None:
    """What its transcription route would ignore."""
    if body["words"]:
        return refused_field("timestamp_granularities word")
    return refused_field("prompt") if body.get("prompt") else None


def _wire_ids(call: EngineCall, rid: str) -> list[str]:
    return [f"{rid}-{number}." for number in range(len(call.body["input"]))]


def _switch_thinking(call: EngineCall, body: dict[str, Any]) -> None:
    """Of what a chat template may be told, callers choose one thing."""
    asked = call.body.get("chat_template_kwargs")
    if isinstance(asked, Mapping) and _TEMPLATE_SWITCH in asked:
        body["chat_template_kwargs"] = {_TEMPLATE_SWITCH: bool(asked[_TEMPLATE_SWITCH])}
