"""Routes of what a caller owns: who asks, and answers that name the request."""

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from base.caller import Caller
from base.errors import Unauthorized
from base.ids import new_id
from server.web.caller import Callers
from server.web.request import Head, read_head
from tools.scopes import check_endpoint


@dataclass(frozen=True, slots=True)
class Owner:
    """The caller of a request that needs one, with the account that owns what it asks for."""

    account_id: str
    caller: Caller
    head: Head


def owner_of(callers: Callers, request: Request) -> Owner:
    """Raises Unauthorized without a key or a wallet's token, Forbidden for a key that is made for other
    paths."""
    head = read_head(request.scope)
    caller = callers.account(head)
    return _owner(caller.account_id, caller, head, request)


def owner_of_object(callers: Callers, request: Request) -> Owner:
    """The same for a route of one object (``id`` of its path), which its payment's token opens too."""
    head = read_head(request.scope)
    caller = callers.account(head)
    return _owner(caller.account_for(request.path_params["id"]), caller, head, request)


def _owner(account_id: str | None, caller: Caller, head: Head, request: Request) -> Owner:
    if account_id is None:
        raise Unauthorized
    check_endpoint(caller, request.url.path)
    return Owner(account_id, caller, head)


def owned_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON that no cache keeps."""
    named = {"x-request-id": new_id("req"), "cache-control": "private, no-store", **(headers or {})}
    return Response(orjson.dumps(value), status, named, "application/json")
