"""Doors of the control plane: GET routes whose answer is a free tool's output."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from base.caller import ANONYMOUS
from base.resource import Resource
from server.web.caller import Callers
from server.web.headers import request_headers
from server.web.request import read_head
from settlement.rail import Delivery
from tools.core import Call
from tools.invoke import Invoker

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class FreeDoor:
    """Runs free tools for anybody: credentials are neither needed nor looked at."""

    invoker: Invoker
    callers: Callers

    def get(
        self,
        tool: str,
        arguments: Callable[[Request], Mapping[str, Any]],
        shown: Callable[[Mapping[str, Any]], Any],
    ) -> Endpoint:
        """An endpoint that calls ``tool`` with what ``arguments`` reads from the request, and answers
        with what ``shown`` takes from the output."""

        async def endpoint(request: Request) -> Response:
            resource = Resource(str(request.url), tool)
            call = self.callers.call(read_head(request.scope), ANONYMOUS, resource, Delivery.WHOLE)
            done = await self.invoker.invoke(tool, arguments(request), call)
            return json_answer(shown(done.output), call)

        return endpoint


def json_answer(value: Any, call: Call) -> Response:
    """JSON with the documented headers of a call."""
    headers = {name.decode(): text.decode() for name, text in request_headers(call)}
    return Response(orjson.dumps(value), headers=headers, media_type="application/json")
