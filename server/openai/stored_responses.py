"""/v1/responses/{id}: read, stream, list the input of, cancel and delete a stored response."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.errors import InvalidRequest, NotFound, ResponsesStreamingDisabled
from base.ids import new_id
from server.openai.response_events import streamed
from server.web.caller import Callers
from server.web.error_answer import error_answer
from server.web.methods import Endpoint, route
from server.web.owner import owner_of_object
from server.web.query import number_read
from server.web.refusal import refusal_headers
from server.web.respond import public_error
from tools.observe import Observer
from tools.responses.background_book import BackgroundBook
from tools.responses.shelf import Kept, ResponseShelf
from tools.scopes import check_tool

_TOOL: Final = "respond"
_MOST: Final = 100
_ORDERS: Final = ("asc", "desc")
_BOOLEANS: Final = {"true": True, "false": False}
Answer = Callable[[Kept, Request], Awaitable[Mapping[str, Any] | Response]]


@dataclass(frozen=True, slots=True)
class StoredResponses:
    """A response is found by the account that paid for it: by its key or its wallet's token, or by the
    token that came with it."""

    shelf: ResponseShelf
    background: BackgroundBook
    callers: Callers
    observer: Observer
    send_timeout_s: float

    def routes(self) -> list[Route]:
        one = "/v1/responses/{id}"
        return [
            route(one, GET=self._endpoint(self._read), DELETE=self._endpoint(self._delete)),
            Route(one + "/input_items", self._endpoint(self._items), methods=["GET"]),
            Route(one + "/cancel", self._endpoint(self._cancel), methods=["POST"]),
        ]

    async def _read(self, kept: Kept, request: Request) -> Mapping[str, Any] | Response:
        after = number_read(request, "starting_after", -1)
        if _asks_for_stream(request):
            return await self._streamed(kept, request, after)
        if not kept.response["background"]:
            return kept.response
        return await self.background.shown(kept, self._account(request))

    async def _streamed(self, kept: Kept, request: Request, after: int) -> Response:
        owner = owner_of_object(self.callers, request)
        await self.background.check_streamed(kept, owner.account_id)
        if not owner.caller.streams_responses:
            raise ResponsesStreamingDisabled
        headers = [(b"x-request-id", new_id("req").encode())]
        return streamed(self.background.events(kept.response, after), headers, self.send_timeout_s)

    async def _delete(self, kept: Kept, request: Request) -> Mapping[str, Any]:
        account_id = self._account(request)
        await self.shelf.delete(kept.id, account_id)
        if kept.response["background"]:
            await self.background.drop(kept, account_id)
        return {"id": kept.id, "object": "response", "deleted": True}

    async def _items(self, kept: Kept, request: Request) -> Mapping[str, Any]:
        """What the response was given, newest first by default, in pages after an item's id."""
        query = request.query_params
        order = query.get("order", "desc")
        if order not in _ORDERS:
            raise InvalidRequest("order should be asc or desc.", param="order")
        items = [_item(kept.id, number, item) for number, item in enumerate(kept.input)]
        if order == "desc":
            items.reverse()
        return _page(items, query.get("after"), _limit(query.get("limit")))

    async def _cancel(self, kept: Kept, request: Request) -> Mapping[str, Any]:
        if kept.response["background"]:
            return await self.background.cancel(kept, self._account(request))
        raise InvalidRequest(
            f"The response {kept.id} is {kept.response['status']}; only one that runs in the background "
            "can be cancelled.",
            param="id",
            resolution="Close the connection of a response to end it.",
        )

    def _endpoint(self, answer: Answer) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                kept = await self.shelf.find(request.path_params["id"], self._account(request))
                if kept is None:
                    raise NotFound(
                        "There is no such response.",
                        param="id",
                        resolution="Verify the id; store must be on when a response is made.",
                    )
                shown = await answer(kept, request)
            except Exception as error:  # noqa: BLE001 - a door answers whatever happened
                refused = public_error(error)
                return error_answer(refused, refusal_headers(self.observer, _TOOL, refused))
            if isinstance(shown, Response):
                return shown
            headers = {"x-request-id": new_id("req"), "cache-control": "no-store"}
            return Response(orjson.dumps(shown), headers=headers, media_type="application/json")

        return endpoint

    def _account(self, request: Request) -> str:
        owner = owner_of_object(self.callers, request)
        check_tool(owner.caller, _TOOL)
        return owner.account_id


def _asks_for_stream(request: Request) -> bool:
    """Raises InvalidRequest. There is nothing to stream where only the head is asked for."""
    told = request.query_params.get("stream", "false")
    if told not in _BOOLEANS:
        raise InvalidRequest("stream should be true or false.", param="stream")
    return _BOOLEANS[told] and request.method == "GET"


def _item(response_id: str, number: int, item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as OpenAI lists it: with an id, texts as parts."""
    shown = {"status": "completed", **item, "id": item.get("id") or f"{response_id}_input_{number}"}
    if isinstance(shown.get("content"), str):
        kind = "output_text" if shown["role"] == "assistant" else "input_text"
        shown["content"] = [{"type": kind, "text": shown["content"]}]
    return shown


def _page(items: Sequence[Mapping[str, Any]], after: str | None, limit: int) -> dict[str, Any]:
    ids = [item["id"] for item in items]
    if after is not None and after not in ids:
        raise InvalidRequest(f"There is no item {after!r} in this list.", param="after")
    first = ids.index(after) + 1 if after is not None else 0
    shown = items[first : first + limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(items) > first + limit,
    }


def _limit(text: str | None) -> int:
    if text is None:
        return 20
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= _MOST and len(text) <= 3):
        raise InvalidRequest(f"limit should be a whole number from 1 to {_MOST}.", param="limit")
    return int(text)
