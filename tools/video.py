"""The video tool: what it asks for, and the refusal of a server without an engine for it."""

from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field

from base.errors import EngineNotConfigured
from runtime.catalog import Catalog
from runtime.engine import Modality
from tools.core import Annotations, Tool

MAX_PROMPT = 4000
MAX_SECONDS = 60


class VideoInput(BaseModel):
    """Arguments of one call."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1, max_length=256, description="Video model id.")
    prompt: str = Field(min_length=1, max_length=MAX_PROMPT, description="What the video shows.")
    duration_seconds: int = Field(5, ge=1, le=MAX_SECONDS, description="Its length.")
    aspect_ratio: Literal["16:9", "9:16", "1:1", "4:3", "3:4"] = Field("16:9", description="Its shape.")


class VideoOutput(BaseModel):
    """A video in the making."""

    id: str
    object: Literal["video.generation"]
    status: Literal["queued", "running", "completed", "failed"]
    duration_seconds: int
    output_url: str | None


@dataclass(frozen=True, slots=True)
class Videos:
    """Builds the video tool, which is listed also where no engine serves it."""

    catalog: Catalog

    def tool(self) -> Tool[VideoInput]:
        return Tool(
            name="video",
            title="Video",
            description="Make a video from a prompt. It needs an engine for videos; see available.",
            Input=VideoInput,
            Output=VideoOutput,
            run=self._refuse,
            quote=self._refuse,
            modality=Modality.VIDEO,
            annotations=Annotations(read_only=False),
            examples=({"model": "wan-2.2", "prompt": "waves on a beach", "duration_seconds": 5},),
            available=lambda: False,
        )

    def _refuse(self, args: VideoInput, *_: Any) -> NoReturn:
        """Before anything is asked for: there is nothing to sell."""
        self.catalog.resolve(args.model, Modality.VIDEO)
        raise EngineNotConfigured("This server has no engine for videos.", param="model")
