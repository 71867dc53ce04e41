"""POST /v1/embeddings and other paid capabilities that answer with one body."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from base.resource import Resource
from server.openai.shown import Show, as_json
from server.openai.whole import answer_whole
from server.web.caller import Callers
from server.web.connection import Watch
from server.web.headers import failure_headers
from server.web.payment import as_understood
from server.web.refusal import refusal_headers
from server.web.request import Disconnected, Head, read_body, read_head, read_json
from server.web.respond import public_error, send_error
from server.web.wire import wire_of
from settlement.rail import Delivery
from tools.core import Call
from tools.invoke import Invoker

Body = dict[str, Any]
Read = Callable[[Head, Receive, int], Awaitable[Body]]


async def _json(head: Head, receive: Receive, limit: int) -> Body:
    return read_json(head, await read_body(receive, head, limit))


@dataclass(frozen=True, slots=True)
class WholeDoor:
    """The ASGI app of an endpoint whose body is the arguments of ``tool``, or holds them as
    ``arguments`` reads it. ``read`` takes the body, ``show`` makes the answer's."""

    tool: str
    invoker: Invoker
    callers: Callers
    resource: Resource
    body_limit: int
    send_timeout_s: float
    arguments: Callable[[Body], Body] = lambda body: body
    read: Read = _json
    show: Show = as_json

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call | None = None
        with Watch(wire_of(scope), send, self.send_timeout_s) as watch:
            try:
                head = read_head(scope)
                caller = self.callers.caller(head)
                self.callers.check_keyless(caller, self.resource)
                arguments = self.arguments(await self.read(head, receive, self.body_limit))
                call = self.callers.call(head, caller, self.resource, Delivery.WHOLE)
                await answer_whole(self.invoker, self.tool, arguments, call, watch.send, self.show)
            except Disconnected:
                return
            except Exception as error:  # noqa: BLE001 - a door answers whatever happened
                shown = as_understood(public_error(error), scope)
                if call is None:
                    headers = refusal_headers(self.invoker.observer, self.tool, shown)
                else:
                    headers = failure_headers(call, shown)
                await send_error(watch.send, shown, headers)
