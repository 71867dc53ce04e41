"""What a video is asked for by, and how one is shown: the documented members, OpenAI's beside them."""

import re
from math import gcd
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from runtime.video import SHAPES
from tools.given import GivenPicture

MAX_PROMPT: Final = 4000
MAX_SECONDS: Final = 60
USUAL_SECONDS: Final = 5
USUAL_SHAPE: Final = "16:9"
LEAST_SIDE: Final = 256
MOST_SIDE: Final = 1920
_STEP: Final = 16
_SIZE: Final = re.compile(r"([0-9]{3,4})x([0-9]{3,4})")
_SEEDS: Final = 2**31

Shape = Literal["16:9", "9:16", "1:1", "4:3", "3:4"]


class VideoInput(BaseModel):
    """Arguments of one call: the documented ones, and OpenAI's for the same."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1, max_length=256, description="Video model id.")
    prompt: str = Field(min_length=1, max_length=MAX_PROMPT, description="What the video shows.")
    duration_seconds: int | None = Field(
        None, ge=1, le=MAX_SECONDS, description=f"Its length; by default {USUAL_SECONDS}."
    )
    seconds: int | None = Field(
        None, ge=1, le=MAX_SECONDS, description="OpenAI's name of duration_seconds; send one of them."
    )
    aspect_ratio: Shape | None = Field(None, description=f"Its shape; by default {USUAL_SHAPE}.")
    size: str | None = Field(
        None,
        max_length=16,
        description=(
            f"WIDTHxHEIGHT in pixels, each {LEAST_SIDE} to {MOST_SIDE} and a multiple of {_STEP}, in "
            "place of aspect_ratio."
        ),
    )
    seed: int | None = Field(
        None, ge=0, lt=_SEEDS, description="For the same video again; by default a random one."
    )
    input_reference: GivenPicture | None = Field(
        None,
        description="URL or data: URL of a PNG, JPEG or WebP that it begins with, where the model can.",
    )

    @field_validator("duration_seconds", "seconds", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """OpenAI sends texts, others 6.0."""
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 4:
            return int(value)
        return int(value) if isinstance(value, float) and value.is_integer() else value

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if None not in (self.seconds, self.duration_seconds) and self.seconds != self.duration_seconds:
            raise ValueError("seconds and duration_seconds say different lengths: send one of them")
        if self.size is not None and self.aspect_ratio is not None:
            raise ValueError("size and aspect_ratio both say its shape: send one of them")
        return self

    @field_validator("size")
    @classmethod
    def _sides(cls, value: str | None) -> str | None:
        if value is None:
            return None
        asked = _SIZE.fullmatch(value)
        sides = (int(asked[1]), int(asked[2])) if asked else (0, 0)
        if not all(LEAST_SIDE <= side <= MOST_SIDE and side % _STEP == 0 for side in sides):
            raise ValueError(
                f"should be WIDTHxHEIGHT with sides of {LEAST_SIDE} to {MOST_SIDE} pixels, each a "
                f"multiple of {_STEP}, for example 1280x720"
            )
        return value

    @property
    def length_s(self) -> int:
        return self.duration_seconds or self.seconds or USUAL_SECONDS

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height in pixels."""
        if self.size is not None:
            width, _, height = self.size.partition("x")
            return int(width), int(height)
        return SHAPES[self.aspect_ratio or USUAL_SHAPE]


class VideoIdInput(BaseModel):
    """Names a video."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(min_length=1, max_length=64, description="Id of the video.")


class VideoError(BaseModel):
    """Why there is no video."""

    code: str
    message: str


class VideoOutput(BaseModel):
    """A video: the documented members, OpenAI's beside them. Times are Unix seconds."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["video.generation"]
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int = Field(ge=0, le=100, description="Percent, as its engine tells it.")
    model: str
    duration_seconds: int
    aspect_ratio: str
    seconds: str
    size: str
    output_url: str = Field(
        description="Where the MP4 file is once it is completed; needs the same key."
    )
    created_at: int
    completed_at: int | None
    expires_at: int | None = Field(description="When the file goes.")
    error: VideoError | None
    remixed_from_video_id: None
    quoted_usd: str = Field(description="What it costs; held until it ends, given back if it fails.")
    cost_usd: str = Field(description="What was charged so far.")
    cost_cents: int
    run_id: str | None = Field(description="The run that made it: its evidence, usage and charge.")


def ratio_of(width: int, height: int) -> str:
    """``16:9`` of 1280 and 720."""
    common = gcd(width, height)
    return f"{width // common}:{height // common}"
