"""Doors of the control plane: GET routes whose answer is a free tool's output."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from base.caller import ANONYMOUS, Caller
from base.errors import BatchinError
from base.resource import Resource
from server.web.caller import Callers
from server.web.error_answer import error_answer
from server.web.headers import failure_headers, request_headers
from server.web.methods import Endpoint
from server.web.refusal import refusal_headers
from server.web.request import Head, read_head
from settlement.rail import Delivery
from tools.core import Call
from tools.invoke import Invoker


def anybody(_: Head) -> Caller:
    """The caller of what is for everybody: credentials are neither needed nor looked at."""
    return ANONYMOUS


@dataclass(frozen=True, slots=True)
class FreeDoor:
    """Runs free tools; ``who`` reads from a request's head whom for (raises Unauthorized)."""

    invoker: Invoker
    callers: Callers
    who: Callable[[Head], Caller] = anybody

    def get(
        self,
        tool: str,
        arguments: Callable[[Request], Mapping[str, Any]],
        shown: Callable[[Mapping[str, Any]], Any],
    ) -> Endpoint:
        """An endpoint that calls ``tool`` with what ``arguments`` reads from the request, and answers
        with what ``shown`` takes from the output."""

        async def endpoint(request: Request) -> Response:
            call: Call | None = None
            try:
                head = read_head(request.scope)
                caller = self.who(head)
                read = arguments(request)
                resource = Resource(str(request.url), tool)
                call = self.callers.call(head, caller, resource, Delivery.WHOLE)
                done = await self.invoker.invoke(tool, read, call)
            except BatchinError as error:
                if call is None:
                    return error_answer(error, refusal_headers(self.invoker.observer, tool, error))
                return error_answer(error, failure_headers(call, error))
            return json_answer(shown(done.output), call)

        return endpoint


def json_answer(value: Any, call: Call) -> Response:
    """JSON with the documented headers of a call."""
    headers = {name.decode(): text.decode() for name, text in request_headers(call)}
    return Response(orjson.dumps(value), headers=headers, media_type="application/json")
