"""How pictures and videos are asked of SGLang's diffusion server, by its documented routes (0.5.23).

It has no keys of its own, and its requests may name files and folders on its machine, and URLs: none of
that is ever sent. It has no way to abort what it has begun; the end of the connection, or of a video's
job, leaves it to itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from runtime.bodies import base_body
from runtime.engine import EngineCall, Fault, Load, Modality
from runtime.flavours import AbortOrder
from runtime.tallies import LastUsage, Tally

_SERVED: Final = (Modality.IMAGE, Modality.VIDEO)
_WRONG: Final = Fault(
    "invalid", retryable=False, status=400, detail="the engine makes pictures and videos"
)


@dataclass(frozen=True, slots=True)
class SgLangDiffusion:
    """Pictures, changed pictures, and videos."""

    name: str = "sglang-diffusion"
    ready_path: str = "/health"
    about_paths: tuple[str, ...] = ("/server_info",)
    load_path: str | None = None
    traced: bool = True

    def listed_modality(self, facts: Mapping[str, Any]) -> Modality:
        return Modality.IMAGE

    def told_load(self, body: bytes) -> Load | None:
        return None

    def served_model(self, call: EngineCall, chunk: Mapping[str, Any]) -> str:
        return call.model

    def refusal(self, call: EngineCall) -> Fault | None:
        return None if call.modality in _SERVED else _WRONG

    def body(self, call: EngineCall, rid: str) -> Mapping[str, Any]:
        return base_body(call)

    def tally(self, call: EngineCall) -> Tally:
        return LastUsage()

    def abort(self, call: EngineCall, rid: str) -> AbortOrder | None:
        return None
