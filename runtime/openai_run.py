"""One call on an OpenAI-compatible server, from its request to its last event."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import orjson

from runtime.bodies import STREAMED, choices_of, files_of, has_files, path_of
from runtime.engine import (
    EngineCall,
    Event,
    Fault,
    Metered,
    Modality,
    Started,
)
from runtime.flavours import AbortOrder, Flavour
from runtime.http.failure import HttpFailure
from runtime.http.form import form
from runtime.http.message import Client, Headers, Limits, Request, Response
from runtime.http.sse import EventTooLarge, SseParser
from runtime.openai_chat import ChatPiece
from runtime.openai_faults import fault_of_body, fault_of_failure
from runtime.openai_sound import form_fields
from runtime.openai_stream import StreamReader
from runtime.openai_text import text_piece
from runtime.openai_whole import events_of

_ERROR_BYTES: Final = 65_536
_ANSWER_BYTES: Final = 268_435_456
_IN_THREAD_BYTES: Final = 131_072
_TAIL_S: Final = 0.08
_JSON: Final = ("Content-Type", "application/json")

Identify = Callable[[EngineCall, Mapping[str, Any]], Started]
"""What evidence says of who served a call, from the first chunk of its answer."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where calls go: paths start with ``prefix``, every request carries ``headers``, and those that
    manage the server ``admin_headers`` instead."""

    client: Client
    flavour: Flavour
    identify: Identify
    limits: Limits
    prefix: str
    headers: Headers
    admin_headers: Headers

    def request(self, method: str, path: str, body: bytes = b"") -> Request:
        return Request(method, self.prefix + path, (_JSON, *self.headers), body)

    def post(self, call: EngineCall, rid: str) -> Request:
        """The request of a call under that id: JSON, or a form where files go with it. Those are read:
        see ``posted``."""
        told = self.flavour.body(call, rid)
        path = self.prefix + path_of(call)
        files, trace = files_of(call), self._trace(call)
        if not files:
            return Request("POST", path, (_JSON, *self.headers), orjson.dumps(told), trace)
        media_type, body = form(form_fields(told), files)
        return Request("POST", path, (("Content-Type", media_type), *self.headers), body, trace)

    async def posted(self, call: EngineCall, rid: str) -> Request:
        """As ``post``, off the event loop where files are read."""
        if has_files(call):
            return await asyncio.to_thread(self.post, call, rid)
        return self.post(call, rid)

    def _trace(self, call: EngineCall) -> Headers:
        """The headers under which a server of ours makes its spans (W3C trace context, 3.2 and 3.3)."""
        if call.trace is None or not self.flavour.traced:
            return ()
        trace = call.trace()
        parent = (("traceparent", trace.traceparent()),)
        return (*parent, ("tracestate", trace.state)) if trace.state else parent

    async def manage(self, order: AbortOrder) -> None:
        """Raises HttpFailure."""
        body = orjson.dumps(order.body)
        request = Request("POST", self.prefix + order.path, (_JSON, *self.admin_headers), body)
        (await self.client.send(lambda _: request)).finish()


class Run:
    """An async context manager that yields the call's events, each parsed once.

    Leaving ends the run on the server at once: it is told so where it then says what it used, and the
    connection is closed, which is what makes every server stop.
    """

    def __init__(self, server: Server, call: EngineCall) -> None:
        self.call = call
        self._rid = call.rid
        self._server = server
        self._response: Response | None = None
        self._ended = False
        self._streamed = call.modality in STREAMED
        self._parser = SseParser()
        self._reader = self._new_reader()
        self._events = self._stream() if self._streamed else self._answer()

    @property
    def heard_s(self) -> float:
        """When its newest bytes came, by the loop's clock; 0 before the first."""
        return 0.0 if self._response is None else self._response.heard_s

    async def __aenter__(self) -> AsyncIterator[Event]:
        return self._events

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._streamed and not self._ended:
                await self._end_early()
        finally:
            self.cut()
            await self._events.aclose()

    def cut(self) -> None:
        """Close the connection; who reads the events gets a Fault."""
        if self._response is not None:
            self._response.close()

    async def _stream(self) -> AsyncGenerator[Event, None]:
        refusal = self._server.flavour.refusal(self.call)
        if refusal is not None:
            yield self._last(refusal)
            return
        try:
            response = await self._send()
            if response.status != 200:
                yield self._last(fault_of_body(response.status, await response.read(_ERROR_BYTES)))
                return
            watch = _EventWatch(self._server.limits)
            while not self._reader.done and (data := await response.chunk()):
                payloads = self._parser.feed(data)
                watch.check(bool(payloads))
                for payload in payloads:
                    for event in self._read(payload):
                        if isinstance(event, Fault):
                            yield self._last(event)
                            return
                        yield event
            if self._reader.done:
                response.finish()
            yield self._last(self._reader.ending())
        except HttpFailure as failure:
            yield self._last(fault_of_failure(failure))
        except _Late as late:
            yield Fault("stalled", retryable=True, status=504, detail=str(late))
        except EventTooLarge as error:
            yield Fault("internal", retryable=False, status=502, detail=str(error))

    def _read(self, payload: bytes) -> list[Event]:
        events = self._reader.events(payload)
        self.call.meter.usage = self._reader.usage
        return events

    async def _end_early(self) -> None:
        """Abort, then read what came before the end: the usage of what was generated.

        A server that does not answer the abort in time is left; so is one that only the end of its
        connection stops, whose last bytes lie here already.
        """
        response = self._response
        if response is None or response.status != 200:
            return
        order = self._server.flavour.abort(self.call, self._rid)
        ordered = None
        if order is None or not order.has_tail:
            response.close()
        if order is not None:
            ordered = asyncio.create_task(self._server.manage(order))
        try:
            async with asyncio.timeout(_TAIL_S):
                while not self._reader.done and (data := await response.chunk()):
                    for payload in self._parser.feed(data):
                        self._read(payload)
        except (TimeoutError, HttpFailure, EventTooLarge):
            pass
        finally:
            response.close()
            if ordered is not None:
                await self._forget(ordered)

    async def _forget(self, ordered: "asyncio.Task[None]") -> None:
        """The order went out; whether it was answered does not matter, the connection is closed."""
        with contextlib.suppress(HttpFailure, TimeoutError):
            async with asyncio.timeout(_TAIL_S):
                await ordered

    async def _answer(self) -> AsyncGenerator[Event, None]:
        refusal = self._server.flavour.refusal(self.call)
        if refusal is not None:
            yield refusal
            return
        try:
            response = await self._send()
            if response.status != 200:
                yield fault_of_body(response.status, await response.read(_ERROR_BYTES))
                return
            body = await response.read(_ANSWER_BYTES)
        except HttpFailure as failure:
            yield fault_of_failure(failure)
            return
        if len(body) > _IN_THREAD_BYTES or self.call.modality is Modality.IMAGE:
            events = await asyncio.to_thread(events_of, self.call, body)
        else:
            events = events_of(self.call, body)
        if not isinstance(events[0], Fault):
            yield self._server.identify(self.call, {})
        for event in events:
            if isinstance(event, Metered):
                self.call.meter.usage = event.usage
            yield event

    def _new_reader(self) -> StreamReader:
        chat = self.call.modality is Modality.CHAT
        piece = ChatPiece(self.call.body.get("top_logprobs") or 0) if chat else text_piece
        tally = self._server.flavour.tally(self.call)
        started = lambda chunk: self._server.identify(self.call, chunk)  # noqa: E731
        return StreamReader(choices_of(self.call), piece, tally, started)

    async def _send(self) -> Response:
        first = await self._server.posted(self.call, self.call.rid)

        def attempt(number: int) -> Request:
            if number == 1 or has_files(self.call):  # a form holds no id
                return first
            self._rid = f"{self.call.rid}-{number}"
            return self._server.post(self.call, self._rid)

        self._response = await self._server.client.send(attempt)
        return self._response

    def _last(self, event: Event) -> Event:
        self._ended = True
        return event


class _Late(Exception):
    """No event came in time."""


class _EventWatch:
    """Time limits by events: comments keep a connection alive, not a call."""

    def __init__(self, limits: Limits) -> None:
        self._clock = asyncio.get_running_loop().time
        self._between_s = limits.between_bytes_s
        self._limit_s = limits.first_byte_s
        self._since_s = self._clock()

    def check(self, any_event: bool) -> None:
        """To be asked whenever bytes came, and told whether an event was among them. Raises _Late."""
        now_s = self._clock()
        if any_event:
            self._since_s, self._limit_s = now_s, self._between_s
        elif now_s - self._since_s > self._limit_s:
            raise _Late(f"no event in {self._limit_s:g} s")
