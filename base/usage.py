"""What a call consumed, in the units that a price card prices."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts as the engine reported them; never an estimate from text or events.

    ``cached_tokens`` is the part of ``input_tokens`` that the engine served from its prefix cache;
    ``audio_ms`` is the length of sound taken in or given out, ``characters`` are those of a spoken text.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    images: int = 0
    audio_ms: int = 0
    characters: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens
