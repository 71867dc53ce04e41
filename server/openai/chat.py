"""POST /v1/chat/completions and /v1/completions, streamed and whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from base.resource import Resource
from server.openai.chunks import Chunks, ChunkWriter
from server.openai.whole import answer_whole
from server.web.caller import Callers
from server.web.connection import Watch
from server.web.headers import failure_headers, stream_headers
from server.web.outbox import Outbox, ReaderTooSlow
from server.web.payment import as_understood
from server.web.refusal import refusal_headers
from server.web.request import Disconnected, read_body, read_head, read_json
from server.web.respond import HeaderList, public_error, send_error, sse
from server.web.wire import wire_of
from settlement.rail import Delivery
from tools.core import Call
from tools.invoke import Invoker, Run

_SSE_HEAD: HeaderList = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True)
class ChatDoor:
    """The ASGI app of an endpoint of ``tool``, whose streams ``chunks`` renders; ``public_key`` is the
    current receipt key in wire form."""

    invoker: Invoker
    callers: Callers
    resource: Resource
    body_limit: int
    send_timeout_s: float
    public_key: str
    tool: str = "chat"
    chunks: Callable[[str, Mapping[str, Any]], Chunks] = ChunkWriter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with Watch(receive, send, self.send_timeout_s) as watch:
            answer = _Answer(scope, watch.send, self.invoker, self.tool)
            try:
                await self._answer(scope, watch.receive, answer)
            except (Disconnected, ReaderTooSlow):
                return
            except Exception as error:  # noqa: BLE001 - a door answers whatever happened
                await answer.fail(error)
            finally:
                answer.close()

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        head = read_head(scope)
        caller = self.callers.caller(head)
        arguments = read_json(head, await read_body(receive, head, self.body_limit))
        delivery = Delivery.STREAM if arguments.get("stream") is True else Delivery.WHOLE
        call = self.callers.call(head, caller, self.resource, delivery)
        answer.call = call
        if delivery is Delivery.WHOLE:
            await answer_whole(self.invoker, self.tool, arguments, call, answer.send)
            return
        answer.run = self.invoker.open(self.tool, arguments, call)
        async with answer.run as run:
            await answer.begin(stream_headers(run.call, run.served, self.public_key, run.upfront))
            await _stream(self.chunks(run.run_id, arguments), run, answer.body)


class _Answer:
    """One answer that may fail before its head left, with a status, or after it, in band."""

    def __init__(self, scope: Scope, send: Send, invoker: Invoker, tool: str) -> None:
        self.send = send
        self._scope = scope
        self._tool = tool
        self._observer = invoker.observer
        self.call: Call | None = None
        self.run: Run | None = None
        self._body: Outbox | None = None

    @property
    def body(self) -> Outbox:
        """Where the events go, once it began."""
        assert self._body is not None
        return self._body

    async def begin(self, headers: HeaderList) -> None:
        self._body = Outbox(self.send, wire_of(self._scope))
        await self.send({"type": "http.response.start", "status": 200, "headers": _SSE_HEAD + headers})

    def close(self) -> None:
        if self._body is not None:
            self._body.close()

    async def fail(self, error: Exception) -> None:
        shown = as_understood(public_error(error), self._scope)
        if self._body is not None:
            await self._body.end(sse(orjson.dumps(shown.body())))
        elif self.call is None:
            await send_error(self.send, shown, refusal_headers(self._observer, self._tool, shown))
        else:
            upfront = self.run.upfront if self.run else None
            await send_error(self.send, shown, failure_headers(self.call, shown, upfront))


async def _stream(chunks: Chunks, run: Run, body: Outbox) -> None:
    await body.write(chunks.opening())
    async for delta in run:
        await body.write(chunks.delta(delta))
    done = await run.done()
    if run.replayed:
        await body.write(chunks.stored(done.output))
    await body.end(chunks.closing(done))
