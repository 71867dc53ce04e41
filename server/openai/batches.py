"""The routes of batches: two shapes on one path, and the webhooks that tell of their end."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response
from starlette.types import Receive, Scope, Send

from base.errors import InvalidRequest, PayloadTooLarge
from base.resource import Resource
from server.openai.files import limit_from
from server.openai.whole import answer_whole
from server.web.caller import Callers
from server.web.connection import Watch
from server.web.headers import failure_headers, request_headers
from server.web.methods import ByMethod, route
from server.web.owner import Owner, owned_answer, owner_of, owner_of_object
from server.web.payment import as_understood
from server.web.refusal import refusal_headers
from server.web.request import Disconnected, Head, read_body, read_head, read_json
from server.web.respond import public_error, send_bytes, send_error
from server.web.wire import wire_of
from settlement.rail import Delivery
from tools.arguments import parse
from tools.core import Call
from tools.invoke import Invoker
from tools.jobs.batch import Batch
from tools.jobs.batches import LIST_LIMIT, Batches
from tools.jobs.schema import FileBatchInput
from tools.jobs.signing import WebhookSecrets
from tools.jobs.webhooks import Webhooks
from tools.scopes import check_scopes, check_tool

_DEFAULT_LIMIT: Final = 20
_PING_S: Final = 15
_SUBMIT: Final = "batch"
_LOOK: Final = "batch_get"
_CANCEL: Final = "batch_cancel"
_VARY: Final = {"vary": "X-Stainless-Lang"}


@dataclass(frozen=True, slots=True)
class BatchCreateDoor:
    """POST /v1/batches: tasks in the body are a paid call of the tool, a file of tasks is a job of an
    account."""

    batches: Batches
    invoker: Invoker
    callers: Callers
    resource: Resource
    body_limit: int
    send_timeout_s: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call | None = None
        with Watch(wire_of(scope), send, self.send_timeout_s) as watch:
            try:
                head = read_head(scope)
                caller = self.callers.caller(head)
                body = await self._body(receive, head)
                call = self.callers.call(head, caller, self.resource, Delivery.WHOLE)
                if "input_file_id" in body:
                    check_scopes(call, _SUBMIT, None)
                    batch = await self._of_file(call, parse(FileBatchInput, body))
                    shown = orjson.dumps(batch.shown())
                    await send_bytes(watch.send, 200, shown, request_headers(call))
                else:
                    await answer_whole(self.invoker, _SUBMIT, body, call, watch.send)
            except Disconnected:
                return
            except Exception as error:  # noqa: BLE001 - a door answers whatever happened
                told = as_understood(public_error(error), scope)
                if call is None:
                    headers = refusal_headers(self.invoker.observer, "batch", told)
                else:
                    headers = failure_headers(call, told)
                await send_error(watch.send, told, headers)

    async def _of_file(self, call: Call, asked: FileBatchInput) -> Batch:
        return await self.batches.of_file(call.caller, asked, call.idempotency_key)

    async def _body(self, receive: Receive, head: Head) -> dict[str, Any]:
        try:
            return read_json(head, await read_body(receive, head, self.body_limit))
        except PayloadTooLarge:
            raise PayloadTooLarge(
                f"Batch JSON payload exceeds {_megabytes(self.body_limit)}",
                resolution="Split into smaller batches.",
            ) from None


@dataclass(frozen=True, slots=True)
class BatchDoor:
    """All routes of batches."""

    batches: Batches
    create: BatchCreateDoor
    callers: Callers
    send_timeout_s: float

    def routes(self) -> list[Route]:
        both = ByMethod({"GET": request_response(self._list), "POST": self.create})
        return [
            Route("/v1/batches", both),
            route("/v1/batches/{id}", GET=self._get),
            route("/v1/batches/{id}/cancel", POST=self._cancel),
            route("/v1/batches/{id}/events", GET=self._events),
        ]

    async def _list(self, request: Request) -> Response:
        """The documented array, or OpenAI's list object for whoever pages or uses its SDK."""
        owner = _allowed(owner_of(self.callers, request), _LOOK)
        query = request.query_params
        if not ("after" in query or "limit" in query or "x-stainless-lang" in request.headers):
            newest = await self.batches.newest(owner.account_id)
            return owned_answer([batch.shown() for batch in newest], headers=_VARY)
        limit = limit_from(query, _DEFAULT_LIMIT, LIST_LIMIT)
        found, has_more = await self.batches.page(owner.account_id, query.get("after"), limit)
        page = {
            "object": "list",
            "data": [batch.shown() for batch in found],
            "first_id": found[0].id if found else None,
            "last_id": found[-1].id if found else None,
            "has_more": has_more,
        }
        return owned_answer(page, headers=_VARY)

    async def _get(self, request: Request) -> Response:
        batch = await self._batch(request)
        return owned_answer(await self.batches.detail(batch))

    async def _cancel(self, request: Request) -> Response:
        owner = _allowed(owner_of_object(self.callers, request), _CANCEL)
        batch = await self.batches.cancel(owner.account_id, request.path_params["id"])
        return owned_answer(batch.shown())

    async def _events(self, request: Request) -> Response:
        """How the batch goes on, as server-sent events, until it has ended."""
        batch = await self._batch(request)
        return EventSourceResponse(
            self._progress(batch),
            ping=_PING_S,
            send_timeout=self.send_timeout_s,
            headers={"cache-control": "private, no-store"},
        )

    async def _progress(self, batch: Batch) -> AsyncIterator[dict[str, str]]:
        async for now in self.batches.states(batch.id):
            data = orjson.dumps(now.shown()).decode()
            yield {"event": "batch." + now.status.value, "data": data}

    async def _batch(self, request: Request) -> Batch:
        owner = _allowed(owner_of_object(self.callers, request), _LOOK)
        return await self.batches.get(owner.account_id, request.path_params["id"])


@dataclass(frozen=True, slots=True)
class WebhookDoor:
    """Routes of an account's signing secret and of the log of its deliveries."""

    secrets: WebhookSecrets
    webhooks: Webhooks
    callers: Callers
    body_limit: int

    def routes(self) -> list[Route]:
        return [
            route("/v1/webhooks/secret", POST=self._secret),
            route("/v1/webhooks/deliveries", GET=self._deliveries),
        ]

    async def _secret(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        body = await read_body(request.receive, owner.head, self.body_limit)
        asked = read_json(owner.head, body) if body else {}
        if asked.keys() - {"rotate"} or not isinstance(asked.get("rotate", False), bool):
            raise InvalidRequest('The body should be {"rotate": true} or nothing.', param="rotate")
        shown = self.secrets.rotate if asked.get("rotate") else self.secrets.current
        return owned_answer({"object": "webhook.secret", "secret": await shown(owner.account_id)})

    async def _deliveries(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        log = await self.webhooks.log(owner.account_id)
        return owned_answer({"object": "list", "data": log, "has_more": False})


def _allowed(owner: Owner, tool: str) -> Owner:
    """Raises Forbidden for a key without this tool."""
    check_tool(owner.caller, tool, _SUBMIT)
    return owner


def _megabytes(limit: int) -> str:
    """2MB, as people say for 2 MiB; bytes where they are no whole MiB."""
    whole, rest = divmod(limit, 1 << 20)
    return f"{limit} bytes" if rest else f"{whole}MB"
