"""What a call consumed, in the units that a price card prices."""

from dataclasses import dataclass
from typing import Final

_MOST: Final = 2**40
"""Far above what any call can use, far below what books and signed records can hold."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts as the engine reported them; never an estimate from text or events.

    ``cached_tokens`` is the part of ``input_tokens`` that the engine served from its prefix cache;
    ``audio_ms`` is the length of sound taken in or given out, ``characters`` are those of a spoken text,
    ``video_ms`` is the length of a video that was made.
    Raises ValueError for a count that no call can have: what an engine tells is not to be trusted.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    images: int = 0
    audio_ms: int = 0
    characters: int = 0
    video_ms: int = 0

    def __post_init__(self) -> None:
        counts = (
            self.input_tokens,
            self.output_tokens,
            self.cached_tokens,
            self.images,
            self.audio_ms,
            self.characters,
            self.video_ms,
        )
        if min(counts) < 0 or max(counts) > _MOST:
            raise ValueError("counts of a usage are 0 to 2^40")

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens
