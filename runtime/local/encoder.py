"""Samples into a sound file, piece by piece as they come. Every method blocks."""

import io
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from runtime.local.kokoro import Samples

_FILES: Final = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"),
    "flac": ("FLAC", "PCM_16"),
    "wav": ("WAV", "PCM_16"),
    "pcm": ("RAW", "PCM_16"),
}
"""libsndfile's container and coding of each of runtime.sound.SOUND_FORMATS."""


class Encoder:
    """One mono file of that format in memory."""

    def __init__(self, name: str, sample_rate: int) -> None:
        import soundfile  # type: ignore[import-untyped] # it ships no types

        container, coding = _FILES[name]
        self._rate = sample_rate
        self._samples = 0
        self._bytes = io.BytesIO()
        self._file: Any = soundfile.SoundFile(
            self._bytes,
            "w",
            samplerate=sample_rate,
            channels=1,
            format=container,
            subtype=coding,
            endian="LITTLE" if container == "RAW" else "FILE",
        )

    @property
    def duration_ms(self) -> int:
        return self._samples * 1000 // self._rate

    def add(self, samples: "Samples") -> None:
        self._file.write(samples)
        self._samples += len(samples)

    def end(self) -> bytes:
        """The whole file."""
        self._file.close()
        return self._bytes.getvalue()
