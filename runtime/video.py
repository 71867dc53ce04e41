"""What engines of videos give: how far they are, then the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from base.upload import Upload

SHAPES: Final[Mapping[str, tuple[int, int]]] = {
    "16:9": (1280, 720),
    "9:16": (720, 1280),
    "1:1": (960, 960),
    "4:3": (1088, 816),
    "3:4": (816, 1088),
}
"""Width and height in pixels, each a multiple of 16, by aspect ratio."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A video that is being made: ``percent`` from 0 to 100, as the engine tells it."""

    percent: int


@dataclass(frozen=True, slots=True)
class Video:
    """A whole MP4 file, on the disk for as long as this value."""

    file: Upload
    media_type: str = "video/mp4"
