"""Sound over OpenAI's routes: what a request holds, and answers as sound and transcripts."""

import io
import wave
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from base.usage import Usage
from runtime.engine import EngineCall, Fault
from runtime.sound import SOUND_FORMATS, Segment, Sound, Transcript, Word

SOUND_FIELD: Final = "file"
_LONGEST_S: Final = 1_000_000
_LANGUAGES: Final = {  # Whisper's names, which its API answers with, as ISO 639-1
    "english": "en",
    "chinese": "zh",
    "german": "de",
    "spanish": "es",
    "french": "fr",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "portuguese": "pt",
    "russian": "ru",
}


_SOUNDS: Final[Mapping[str, Callable[[bytes], bool]]] = {  # by their first bytes
    "mp3": lambda body: body[:3] == b"ID3" or (_has_sync(body) and _layer(body) != 0),
    "opus": lambda body: body[:4] == b"OggS" and body[28:36] == b"OpusHead",
    "aac": lambda body: (
        body[:4] == b"ADIF" or body[4:8] == b"ftyp" or (_has_sync(body) and _layer(body) == 0)
    ),
    "flac": lambda body: body[:4] == b"fLaC",
    "wav": lambda body: body[:4] == b"RIFF" and body[8:12] == b"WAVE",
    "pcm": bool,
}


def speech_body(call: EngineCall) -> dict[str, Any]:
    """The request of a spoken text."""
    asked = call.body
    return {
        "model": call.model,
        "input": asked["input"],
        "voice": asked["voice"],
        "response_format": asked["format"],
        "speed": asked["speed"],
    }


def transcription_fields(call: EngineCall) -> dict[str, Any]:
    """The fields of a form for a transcript; the sound itself is its file."""
    asked = call.body
    fields: dict[str, Any] = {
        "model": call.model,
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["segment", "word"] if asked["words"] else ["segment"],
        "temperature": asked.get("temperature") or 0,
    }
    return fields | {name: asked[name] for name in ("language", "prompt") if asked.get(name)}


def form_fields(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A list is a field that comes several times."""
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        pairs += [(name, str(one)) for one in (value if isinstance(value, list) else [value])]
    return pairs


def sound_of(call: EngineCall, body: bytes) -> tuple[Sound, Usage] | Fault:
    """The spoken text. How long it is, is known of wav alone."""
    asked = call.body
    if not _SOUNDS[asked["format"]](body):
        return _internal("a spoken text that is no sound of the asked format")
    duration_ms = _length_ms(body) if asked["format"] == "wav" else None
    if duration_ms == 0:
        return _internal("a spoken text that can't be heard")
    usage = Usage(characters=len(asked["input"]), audio_ms=duration_ms or 0)
    return Sound(body, SOUND_FORMATS[asked["format"]], duration_ms), usage


def transcript_of(body: bytes) -> tuple[Transcript, Usage] | Fault:
    """The transcript of a verbose answer; SGLang's segments tell their text and times alone."""
    try:
        answer = orjson.loads(body)
        duration_ms = round(float(answer["duration"]) * 1000)
        words = [_word(word) for word in answer.get("words") or ()]
        segments = tuple(
            _segment(number, told, words) for number, told in enumerate(answer.get("segments") or ())
        )
        text = str(answer["text"]).strip()
        language = str(answer.get("language") or "").lower()
        usage = Usage(audio_ms=duration_ms)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return _internal("a transcript that can't be understood")
    return Transcript(text, _LANGUAGES.get(language, language), duration_ms, segments), usage


def _segment(number: int, told: Mapping[str, Any], words: Sequence[Word]) -> Segment:
    start_s, end_s = float(told["start"]), float(told["end"])
    if not (0 <= start_s <= _LONGEST_S and 0 <= end_s <= _LONGEST_S):
        raise ValueError("a segment of no sound")
    return Segment(
        id=int(told.get("id", number)),
        seek=int(told.get("seek") or 0),
        start_s=start_s,
        end_s=end_s,
        text=str(told["text"]),
        tokens=tuple(told.get("tokens") or ()),
        temperature=told.get("temperature"),
        avg_logprob=told.get("avg_logprob"),
        compression_ratio=told.get("compression_ratio"),
        no_speech_prob=told.get("no_speech_prob"),
        words=tuple(word for word in words if start_s <= word.start_s < end_s),
    )


def _word(told: Mapping[str, Any]) -> Word:
    return Word(str(told["word"]), float(told["start"]), float(told["end"]))


def _has_sync(body: bytes) -> bool:
    """Eleven bits begin each frame of MPEG audio (ISO/IEC 11172-3, 2.4.1.3)."""
    return len(body) > 1 and body[0] == 0xFF and body[1] >= 0xE0


def _layer(body: bytes) -> int:
    """Two bits of such a frame, never 0 but in ADTS, which holds AAC (ISO/IEC 13818-7, 6.2.1)."""
    return body[1] >> 1 & 0b11


def _length_ms(data: bytes) -> int | None:
    """Of the samples of a wav file that are there; None for one whose head can't be read."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            second = int(file.getsampwidth() * file.getnchannels() * file.getframerate())
            return len(file.readframes(file.getnframes())) * 1000 // second
    except (wave.Error, EOFError, ZeroDivisionError):
        return None


def _internal(detail: str) -> Fault:
    return Fault("internal", retryable=False, status=502, detail=detail)
