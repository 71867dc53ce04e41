"""The operations of videos."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from base.errors import (
    EngineNotConfigured,
    Forbidden,
    InvalidRequest,
    NotFound,
    RangeNotSatisfiable,
    ServiceUnavailable,
    UnsupportedMediaType,
)
from manifests.operation import JSON, Auth, ErrorType, Operation, Param, Reply
from tools.videos.schema import VideoOutput
from tools.videos.shelf import VideoNotReady

MP4 = "video/mp4"
_ID = Param("id", "path", "Video id.", required=True)
_SEEN = ("X-Request-Id",)


class VideoList(BaseModel):
    """OpenAI's list object of videos."""

    object: Literal["list"]
    data: list[VideoOutput]
    first_id: str | None
    last_id: str | None
    has_more: bool


class VideoDeleted(BaseModel):
    """A video that is gone."""

    id: str
    object: Literal["video.deleted"]
    deleted: Literal[True]


def video_operations(
    params: Sequence[Param], payment_errors: Sequence[ErrorType]
) -> tuple[Operation, ...]:
    """Make, list, get, fetch, delete."""
    looked = (InvalidRequest, Forbidden, NotFound, ServiceUnavailable)
    return (
        Operation(
            "POST",
            "/v1/videos",
            "createVideo",
            "Make a video",
            Auth.PAID,
            "video",
            "The documented JSON, or the multipart form of OpenAI's SDKs. The answer is a job. Its "
            "price is held, or paid by x402, and comes back if no video is made. Refused with 503 "
            "engine_not_configured, before any payment is asked for, while no engine of this server "
            "makes videos.",
            "videos",
            params,
            errors=(EngineNotConfigured, UnsupportedMediaType, *payment_errors),
        ),
        Operation(
            "GET",
            "/v1/videos",
            "listVideos",
            "List the videos",
            Auth.KEY,
            description="OpenAI's list object.",
            tag="videos",
            params=(
                Param("after", "query", "Id of the video behind which the page begins."),
                Param(
                    "limit", "query", "Most videos.", {"type": "integer", "minimum": 1, "maximum": 100}
                ),
                Param("order", "query", "By creation.", {"type": "string", "enum": ["asc", "desc"]}),
            ),
            replies={
                200: Reply("Videos, newest first unless asked otherwise.", {JSON: VideoList}, _SEEN)
            },
            errors=looked,
        ),
        Operation(
            "GET",
            "/v1/videos/{id}",
            "getVideo",
            "Get one video",
            Auth.KEY,
            description="How far it is, where its file is, or why there is none.",
            tag="videos",
            params=(_ID,),
            replies={200: Reply("The video.", {JSON: VideoOutput}, _SEEN)},
            errors=looked,
        ),
        Operation(
            "GET",
            "/v1/videos/{id}/content",
            "getVideoContent",
            "Fetch a video",
            Auth.KEY,
            description="The MP4 file, or the part of it that the header Range names.",
            tag="videos",
            params=(
                _ID,
                Param("variant", "query", "There is one.", {"type": "string", "enum": ["video"]}),
                Param("Range", "header", "One range of bytes, like bytes=0-1023."),
            ),
            replies={
                status: Reply(what, {MP4: {"type": "string", "format": "binary"}}, _SEEN)
                for status, what in ((200, "The file."), (206, "A part of it."))
            },
            errors=(*looked, VideoNotReady, RangeNotSatisfiable),
        ),
        Operation(
            "DELETE",
            "/v1/videos/{id}",
            "deleteVideo",
            "Delete a video",
            Auth.KEY,
            description="Its file goes too; one that is being made is stopped and costs nothing.",
            tag="videos",
            params=(_ID,),
            replies={200: Reply("It is gone.", {JSON: VideoDeleted}, _SEEN)},
            errors=looked,
        ),
    )
