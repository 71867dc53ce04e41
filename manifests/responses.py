"""The routes of responses: making one, and what can be done with a stored one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.errors import InvalidRequest, NotFound, ResponsesStreamingDisabled
from manifests.operation import JSON, NUMBER, SSE, Auth, Body, ErrorType, Operation, Param, Reply
from tools.responses.schema import ResponseObject

_ID = Param("id", "path", "Id of the response (resp_chatcmpl_...).", required=True)
_STREAM: Sequence[Param] = (
    Param(
        "stream",
        "query",
        "Its events from the first on, of one that was made with background and stream.",
        {"type": "boolean"},
    ),
    Param(
        "starting_after",
        "query",
        "Of a stream: the events behind the one with this sequence_number.",
        NUMBER,
    ),
)
_PAGE: Sequence[Param] = (
    Param("after", "query", "List what stands after this item's id."),
    Param("limit", "query", "Most items, 1 to 100.", {"type": "integer", "minimum": 1, "maximum": 100}),
    Param("order", "query", "asc or desc, the default.", {"type": "string", "enum": ["asc", "desc"]}),
)


class ResponseEvent(BaseModel):
    """The JSON of one event; ``type`` is the event's name. The stream ends with ``response.completed``,
    ``response.incomplete`` or ``response.failed``, whose ``response`` is whole."""

    model_config = ConfigDict(extra="allow")

    type: str
    sequence_number: int = Field(description="0 for the first event, then by one.")


class StoredResponse(ResponseObject):
    """A response as it was answered."""


class DeletedResponse(BaseModel):
    id: str
    object: Literal["response"]
    deleted: Literal[True]


class InputItems(BaseModel):
    """What a response was given."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


def response_operations(params: Sequence[Param], errors: Sequence[ErrorType]) -> Sequence[Operation]:
    """``params`` and ``errors`` are those of every paid call."""
    return (
        Operation(
            "POST",
            "/v1/responses",
            "createResponse",
            "Answer a text or items",
            Auth.PAID,
            "respond",
            "OpenAI's Responses API, whole or as a stream of its events; vaas rides on the last of "
            "them. A response is kept, sealed, for previous_response_id unless store is false. With "
            "background it is answered as queued at once and made later, whoever is connected: the most "
            "it may cost is held or paid first, what it did not use comes back. Poll it by its id, or "
            "stream it: after a broken connection its events go on by their number.",
            "openai",
            params,
            events=ResponseEvent,
            errors=(NotFound, ResponsesStreamingDisabled, *errors),
        ),
        _read(),
        _stored("DELETE", "", "deleteResponse", "Delete a stored response", DeletedResponse),
        _stored(
            "GET",
            "/input_items",
            "listResponseInput",
            "List what a stored response was given",
            InputItems,
            _PAGE,
        ),
        _stored(
            "POST", "/cancel", "cancelResponse", "Cancel a response in the background", StoredResponse
        ),
    )


def _read() -> Operation:
    read = _stored("GET", "", "getResponse", "Get a stored response", StoredResponse, _STREAM)
    content: dict[str, Body] = {JSON: StoredResponse, SSE: ResponseEvent}
    reply = Reply("The response, or a stream of its events.", content, ("X-Request-Id",))
    return replace(
        read,
        description=f"{read.description} One that was made with background and stream is streamed with "
        "stream=true, as often as it is asked for, while it is made and after: starting_after goes on "
        "behind an event that was read.",
        replies={200: reply},
        errors=(*read.errors, ResponsesStreamingDisabled),
    )


def _stored(
    method: str,
    path: str,
    operation_id: str,
    summary: str,
    body: type[BaseModel],
    params: Sequence[Param] = (),
) -> Operation:
    return Operation(
        method,
        f"/v1/responses/{{id}}{path}",
        operation_id,
        summary,
        Auth.KEY,
        description=(
            f"{summary}. Only its payer finds it: an account by its key, a wallet by its sign-in or "
            "the access token that came with it."
        ),
        tag="openai",
        params=(_ID, *params),
        replies={200: Reply(summary + ".", {JSON: body}, ("X-Request-Id",))},
        errors=(InvalidRequest, NotFound),
    )
