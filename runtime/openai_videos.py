"""Videos over OpenAI's routes: what a request holds, and what an answer tells of the job."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from runtime.engine import EngineCall, Fault

VIDEOS_PATH: Final = "/v1/videos"
PICTURE_FIELD: Final = "input_reference"
_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_STATES: Final = {
    "queued": False,
    "in_progress": False,
    "processing": False,
    "completed": True,
    "failed": True,
}


@dataclass(frozen=True, slots=True)
class VideoJob:
    """A job on an engine: ``percent`` from 0 to 100; ``ended`` well unless ``failed``."""

    id: str
    percent: int
    ended: bool
    failed: bool

    @property
    def path(self) -> str:
        return f"{VIDEOS_PATH}/{self.id}"


def video_body(call: EngineCall) -> dict[str, Any]:
    """The request of one video; a picture to begin with goes beside it, as a file of a form."""
    asked = call.body
    return {
        "model": call.model,
        "prompt": asked["prompt"],
        "size": f"{asked['width']}x{asked['height']}",
        "seconds": asked["seconds"],
        "seed": asked["seed"],
    }


def video_job(body: bytes) -> VideoJob | Fault:
    """What an answer tells. Its words on what went wrong may hold paths: they are left out."""
    try:
        told = orjson.loads(body)
        job_id, state = told["id"], str(told["status"])
        if not isinstance(job_id, str) or not _ID.fullmatch(job_id) or not job_id.strip("."):
            raise ValueError("no id")
        percent = 100 if state == "completed" else _percent(told)
        return VideoJob(job_id, percent, _STATES[state], state == "failed")
    except (KeyError, TypeError, ValueError, OverflowError):
        return Fault("internal", retryable=False, status=502, detail="a video that can't be understood")


def _percent(told: Mapping[str, Any]) -> int:
    """At most 99 before the end."""
    value = float(told.get("progress") or 0)
    return 0 if math.isnan(value) else int(min(99.0, max(0.0, value)))
