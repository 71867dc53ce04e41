"""The routes of videos, as documented and as OpenAI's: make, list, get, content, delete."""

from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response
from starlette.types import Receive

from base.errors import InvalidRequest
from base.upload import Upload
from server.openai.files import file_answer, limit_from, newest_first
from server.openai.whole_door import WholeDoor
from server.web.caller import Callers
from server.web.form import read_form
from server.web.methods import ByMethod, route
from server.web.owner import Owner, owned_answer, owner_of, owner_of_object
from server.web.request import Head, read_body, read_json
from tools.files.files import Files
from tools.scopes import check_tool
from tools.videos.shelf import LIST_LIMIT, VideoShelf
from tools.videos.source import TOOL

_DEFAULT_LIMIT: Final = 20
_LOOK: Final = "video_get"
_CANCEL: Final = "video_cancel"
_FORM: Final = b"multipart/form-data"
_PICTURE: Final = "input_reference"
_PICTURE_URL: Final = "input_reference[image_url]"


@dataclass(frozen=True, slots=True)
class VideoReader:
    """Reads the documented JSON, or the form of OpenAI's SDKs, whose picture is a file or a URL."""

    form_limit: int

    async def __call__(self, head: Head, receive: Receive, limit: int) -> dict[str, Any]:
        if not head.headers.get(b"content-type", b"").lower().startswith(_FORM):
            return read_json(head, await read_body(receive, head, limit))
        fields = await read_form(head, receive, self.form_limit)
        files = [name for name, value in fields.items() if isinstance(value, Upload)]
        if files and files != [_PICTURE]:
            raise InvalidRequest(
                f"{files[0]} takes no file.", param=files[0], resolution=f"Send it as {_PICTURE}."
            )
        if _PICTURE_URL in fields:
            fields[_PICTURE] = fields.pop(_PICTURE_URL)
        return fields


@dataclass(frozen=True, slots=True)
class VideoDoor:
    """All routes. Making one is a paid call of the tool, as ``create`` takes it."""

    shelf: VideoShelf
    files: Files
    create: WholeDoor
    callers: Callers

    def routes(self) -> list[Route]:
        both = ByMethod({"GET": request_response(self._list), "POST": self.create})
        return [
            Route("/v1/videos", both),
            route("/v1/videos/{id}", GET=self._get, DELETE=self._delete),
            route("/v1/videos/{id}/content", GET=self._content),
        ]

    async def _list(self, request: Request) -> Response:
        owner = _allowed(owner_of(self.callers, request), _LOOK)
        query = request.query_params
        limit = limit_from(query, _DEFAULT_LIMIT, LIST_LIMIT)
        videos, has_more = await self.shelf.page(
            owner.account_id, query.get("after"), limit, newest_first(query)
        )
        page = {
            "object": "list",
            "data": videos,
            "first_id": videos[0]["id"] if videos else None,
            "last_id": videos[-1]["id"] if videos else None,
            "has_more": has_more,
        }
        return owned_answer(page)

    async def _get(self, request: Request) -> Response:
        owner = _allowed(owner_of_object(self.callers, request), _LOOK)
        return owned_answer(await self.shelf.get(owner.account_id, request.path_params["id"]))

    async def _delete(self, request: Request) -> Response:
        owner = _allowed(owner_of_object(self.callers, request), _CANCEL)
        video_id = request.path_params["id"]
        await self.shelf.delete(owner.account_id, video_id)
        return owned_answer({"id": video_id, "object": "video.deleted", "deleted": True})

    async def _content(self, request: Request) -> Response:
        owner = _allowed(owner_of_object(self.callers, request), _LOOK)
        variant = request.query_params.get("variant", "video")
        if variant != "video":
            raise InvalidRequest("The one variant is video.", param="variant")
        file = await self.shelf.file(owner.account_id, request.path_params["id"])
        return await file_answer(self.files, file, request)


def _allowed(owner: Owner, tool: str) -> Owner:
    """Raises Forbidden for a key without this tool."""
    check_tool(owner.caller, tool, TOOL)
    return owner
