"""How speech is asked of sglang-omni, by its documented routes (0.1.9).

Its requests may name sound files by path or URL, which it would read: none of that is ever sent. Its raw
samples have the rate of its model, ours are 24 kHz: those are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from runtime.bodies import base_body
from runtime.engine import EngineCall, Fault, Load, Modality
from runtime.flavours import AbortOrder, refused_field
from runtime.tallies import LastUsage, Tally

_SERVED: Final = (Modality.SPEECH, Modality.TRANSCRIPTION)
_WRONG: Final = Fault("invalid", retryable=False, status=400, detail="the engine speaks and listens")


@dataclass(frozen=True, slots=True)
class SgLangOmni:
    """Speech, and transcription by models that listen."""

    name: str = "sglang-omni"
    ready_path: str = "/health"
    about_paths: tuple[str, ...] = ()
    load_path: str | None = None
    traced: bool = False

    def listed_modality(self, facts: Mapping[str, Any]) -> Modality:
        return Modality.SPEECH

    def told_load(self, body: bytes) -> Load | None:
        return None

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        return call.model

    def refusal(self, call: EngineCall) -> Fault | None:
        if call.modality not in _SERVED:
            return _WRONG
        if call.body.get("format") == "pcm":
            return refused_field("response_format pcm")
        if call.body.get("words"):
            return refused_field("timestamp_granularities word")
        return refused_field("prompt") if call.body.get("prompt") else None

    def body(self, call: EngineCall, rid: str) -> Mapping[str, Any]:
        return base_body(call)

    def tally(self, call: EngineCall) -> Tally:
        return LastUsage()

    def abort(self, call: EngineCall, rid: str) -> AbortOrder | None:
        return None
