"""POST /v1/responses: whole, streamed while it is made, and streamed from the background."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from base.errors import BatchinError
from base.resource import Resource
from server.openai.response_events import streamed
from server.openai.vaas import vaas_member
from server.openai.whole import answer_whole
from server.web.caller import Callers
from server.web.company import Company, Patience
from server.web.connection import Watch
from server.web.event_stream import EventWriter, event_stream
from server.web.headers import failure_headers, request_headers, stream_headers, whole_headers
from server.web.outbox import ReaderTooSlow
from server.web.payment import as_understood
from server.web.refusal import refusal_headers
from server.web.request import Disconnected, read_body, read_head, read_json
from server.web.respond import public_error, send_error
from server.web.wire import wire_of
from settlement.rail import Delivery
from tools.core import Call
from tools.invoke import Done, Invoker, Run
from tools.responses.background_book import BackgroundBook
from tools.responses.growing import GrowingResponse, pieces_of
from tools.responses.rendered import bare

TOOL = "respond"


@dataclass(frozen=True, slots=True)
class ResponsesDoor:
    """The ASGI app of the endpoint; ``public_key`` tells the current receipt key in wire form."""

    invoker: Invoker
    callers: Callers
    resource: Resource
    body_limit: int
    send_timeout_s: float
    public_key: Callable[[], str]
    background: BackgroundBook
    patience: Patience = Patience()  # noqa: RUF009 - frozen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with Watch(wire_of(scope), send, self.send_timeout_s) as watch:
            attempt = _Attempt()
            try:
                await self._answer(scope, receive, watch.send, attempt)
            except Disconnected:
                return
            except ReaderTooSlow:
                watch.drop()
            except Exception as error:  # noqa: BLE001 - a door answers whatever happened
                shown = as_understood(public_error(error), scope)
                await send_error(watch.send, shown, self._failure_headers(attempt, shown))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, attempt: "_Attempt") -> None:
        head = read_head(scope)
        caller = self.callers.caller(head)
        arguments = read_json(head, await read_body(receive, head, self.body_limit))
        stream, later = arguments.get("stream") is True, arguments.get("background") is True
        delivery = Delivery.STREAM if stream and not later else Delivery.WHOLE
        call = attempt.call = self.callers.call(head, caller, self.resource, delivery)
        if stream and later:
            answer = await self._taken_on(arguments, call)
            await answer(scope, receive, send)
            return
        if delivery is Delivery.WHOLE:
            await answer_whole(self.invoker, TOOL, arguments, call, send)
            return
        run = attempt.run = self.invoker.open(TOOL, arguments, call)
        async with AsyncExitStack() as stack:

            async def begin() -> _Streamed:
                headers = stream_headers(run.call, run.served, self.public_key(), run.upfront)
                stream = event_stream(scope, send, headers, self.patience.ping_s)
                attempt.streamed = _Streamed(await stack.enter_async_context(stream))
                return attempt.streamed

            async def begin_early() -> bool:
                if run.paid and attempt.streamed is None:
                    await begin()
                return attempt.streamed is not None

            try:
                with Company(self.patience, begin_early, _pinged) as company:
                    async with run:
                        company.end()
                        await (attempt.streamed or await begin()).run(run)
            except ReaderTooSlow:
                raise
            except Exception as error:
                if attempt.streamed is None:
                    raise
                await attempt.streamed.refuse(as_understood(public_error(error), scope))

    async def _taken_on(self, arguments: Mapping[str, Any], call: Call) -> Response:
        """A response in the background, once it is durable that it will be made, as its events."""
        done = await self.invoker.invoke(TOOL, arguments, call)
        if done.settled is None:
            headers = request_headers(done.call)
        else:
            headers = whole_headers(done.call, done.served, done.settled)
        events = self.background.events(done.output)
        return streamed(events, headers, self.send_timeout_s, self.patience.ping_s)

    def _failure_headers(self, attempt: "_Attempt", shown: BatchinError) -> Any:
        if attempt.call is None:
            return refusal_headers(self.invoker.observer, TOOL, shown)
        return failure_headers(attempt.call, shown, attempt.run.upfront if attempt.run else None)


@dataclass(slots=True)
class _Attempt:
    """How far a call came before it failed."""

    call: Call | None = None
    run: Run | None = None
    streamed: "_Streamed | None" = None


async def _pinged(_: bytes) -> None:
    """The stream writes its own comments."""


class _Streamed:
    """The events of one stream on their way out, and what of the response they have told."""

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self._number = -1
        self._response: dict[str, Any] = {}
        self._output: list[Any] = []

    async def run(self, run: Run) -> None:
        """Events of a run, then how it ended; an error after the head left is told in band."""
        try:
            async for event in run:
                await self._tell(event)
            done = await run.done()
        except ReaderTooSlow:
            raise
        except Exception as error:  # noqa: BLE001 - the head has left: it is told in band
            await self._fail(public_error(error))
            return
        for event in events_of(done.output) if run.replayed else ():
            await self._put(event)
        await self._end(done)

    async def refuse(self, error: BatchinError) -> None:
        """What fails before the response exists, after the head left, is an event of its own (OpenAI's
        ``ResponseErrorEvent``); the end of a stream is told once."""
        if self._number >= 0:
            return
        told = error.body()["error"]
        fields = {name: value for name, value in told.items() if name != "type"}
        await self._put({"type": "error", "sequence_number": 0, **fields})

    async def _end(self, done: Done) -> None:
        response: dict[str, Any] = {**done.output}
        if done.settled is not None:
            vaas = vaas_member(done.run_id, done.settled.evidence, done.settled.salt)
            response |= {"vaas": vaas, "vaas_record_id": vaas["record_id"]}
        await self._last(response)

    async def _fail(self, error: BatchinError) -> None:
        told = error.body()["error"]
        failure = {**told, "code": "server_error", "reason": told["code"]}
        await self._last(
            {**self._response, "status": "failed", "output": self._output, "error": failure}
        )

    async def _last(self, response: Mapping[str, Any]) -> None:
        kind = f"response.{response['status']}"
        event = {"type": kind, "sequence_number": self._number + 1, "response": response}
        await self._put(event)

    async def _tell(self, event: Mapping[str, Any]) -> None:
        """What closes an item repeats the whole of it: it may be large, and comes once."""
        if event["type"].endswith(".done"):
            await self._put(event)
        else:
            self._writer.write(*self._line(event))

    async def _put(self, event: Mapping[str, Any]) -> None:
        await self._writer.put(*self._line(event))

    def _line(self, event: Mapping[str, Any]) -> tuple[str, bytes]:
        self._number = event["sequence_number"]
        kind: str = event["type"]
        if kind == "response.created":
            self._response = event["response"]
        elif kind == "response.output_item.done":
            self._output.append(event["item"])
        return kind, orjson.dumps(event)


def events_of(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of a finished response but the last one."""
    growing = GrowingResponse(bare(response), logprobs=_has_logprobs(response))
    events = growing.opening()
    for piece in pieces_of(response["output"]):
        events += growing.add(piece)
    reason = "stop" if response["status"] == "completed" else "length"
    return events + growing.end(reason)


def _has_logprobs(response: Mapping[str, Any]) -> bool:
    parts = (part for item in response["output"] for part in item.get("content") or ())
    return any("logprobs" in part for part in parts)
