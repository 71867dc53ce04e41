"""What engines of sound give: sound out of a text, a transcript out of sound."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SOUND_FORMATS: Final[Mapping[str, str]] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""Formats of spoken text, their media types. ``pcm``: mono, 24 kHz, signed 16 bit, little-endian."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A spoken text: a whole file of that media type. ``duration_ms`` is None where it is not known."""

    data: bytes
    media_type: str
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class SoundPart:
    """The next bytes of a spoken text that is given while it is spoken. Joined, the parts are a file
    whose head knows no length. ``characters`` of the text and ``duration_ms`` are spoken up to here."""

    data: bytes
    media_type: str
    duration_ms: int
    characters: int


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it was heard, from second to second."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech, as Whisper and OpenAI's verbose transcripts describe it.

    ``seek`` is where its window begins, in hundredths of a second; ``words`` is empty unless they were
    asked for. What its engine does not tell is None.
    """

    id: int
    seek: int
    start_s: float
    end_s: float
    text: str
    tokens: tuple[int, ...]
    temperature: float | None
    avg_logprob: float | None
    compression_ratio: float | None
    no_speech_prob: float | None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was heard. ``language`` is an ISO 639-1 code, ``duration_ms`` that of the sound."""

    text: str
    language: str
    duration_ms: int
    segments: tuple[Segment, ...]
