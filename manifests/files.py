"""The routes of files, and their wire shapes."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.errors import Forbidden, InvalidRequest, NotFound, RangeNotSatisfiable, ServiceUnavailable
from manifests.form import form_schema
from manifests.operation import JSON, Auth, Body, Operation, Param, Reply

_ID = Param("id", "path", "File id.", required=True)
_SEEN = ("X-Request-Id",)
_ANCHOR, _SECONDS = "expires_after[anchor]", "expires_after[seconds]"
_TOGETHER: dict[str, Any] = {_ANCHOR: [_SECONDS], _SECONDS: [_ANCHOR]}
_BINARY = {"type": "string", "format": "binary"}
_BYTES: dict[str, Body] = {"application/octet-stream": _BINARY, "application/jsonl": _BINARY}


class FileForm(BaseModel):
    """An upload: the part ``file`` with a filename, and its purpose."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": _TOGETHER})

    file: str = Field(
        description="The file itself, as a part with a filename.",
        json_schema_extra={"format": "binary"},
    )
    purpose: Literal["assistants", "batch", "evals", "fine-tune", "user_data", "vision"] = Field(
        description="What the file is for; batch is the input of a batch, the others have no effect."
    )
    expires_after_anchor: Literal["created_at"] | None = Field(
        None, alias=_ANCHOR, description="From when the lifetime counts."
    )
    expires_after_seconds: int | None = Field(
        None,
        alias=_SECONDS,
        ge=3600,
        le=2_592_000,
        description="Lifetime of the file in seconds; by default the server's file_ttl_s.",
    )


class FileObject(BaseModel):
    """OpenAI's file object. Times are Unix seconds."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: Literal["processed"]
    status_details: None


class FileList(BaseModel):
    """OpenAI's list object of files."""

    object: Literal["list"]
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(BaseModel):
    """What DELETE answers."""

    id: str
    object: Literal["file"]
    deleted: Literal[True]


def file_operations() -> tuple[Operation, ...]:
    """Upload, list, get, content, delete."""
    return (
        Operation(
            "POST",
            "/v1/files",
            "createFile",
            "Upload a file",
            Auth.KEY,
            description="OpenAI's file upload. A file is kept sealed, for its owner, until it expires.",
            tag="files",
            request=form_schema(FileForm),
            replies={200: Reply("The file.", {JSON: FileObject}, _SEEN)},
            errors=(Forbidden, NotFound, ServiceUnavailable),
            form=True,
        ),
        Operation(
            "GET",
            "/v1/files",
            "listFiles",
            "List the files",
            Auth.KEY,
            tag="files",
            params=(
                Param("purpose", "query", "Only files of this purpose."),
                Param("after", "query", "Id of the file behind which the page begins."),
                Param("limit", "query", "Most files.", _whole(10_000)),
                Param("order", "query", "By time of creation.", {"enum": ["asc", "desc"]}),
            ),
            replies={200: Reply("A page of files.", {JSON: FileList}, _SEEN)},
            errors=(InvalidRequest, Forbidden, ServiceUnavailable),
        ),
        Operation(
            "GET",
            "/v1/files/{id}",
            "getFile",
            "Get one file's description",
            Auth.KEY,
            tag="files",
            params=(_ID,),
            replies={200: Reply("The file.", {JSON: FileObject}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound, ServiceUnavailable),
        ),
        Operation(
            "GET",
            "/v1/files/{id}/content",
            "getFileContent",
            "Download a file",
            Auth.KEY,
            description="The bytes of a file, or one range of them.",
            tag="files",
            params=(_ID, Param("Range", "header", "One range of bytes, like bytes=0-1023.")),
            replies={
                200: Reply("The whole content.", _BYTES, _SEEN),
                206: Reply("The asked range.", _BYTES, _SEEN),
            },
            errors=(InvalidRequest, Forbidden, NotFound, RangeNotSatisfiable, ServiceUnavailable),
        ),
        Operation(
            "DELETE",
            "/v1/files/{id}",
            "deleteFile",
            "Delete a file",
            Auth.KEY,
            description="Gone at once for its owner; its bytes go when no batch reads them any more.",
            tag="files",
            params=(_ID,),
            replies={200: Reply("It is deleted.", {JSON: FileDeleted}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound, ServiceUnavailable),
        ),
    )


def _whole(most: int) -> dict[str, object]:
    return {"type": "integer", "minimum": 1, "maximum": most}
