"""One call on an OpenAI-compatible server, from its request to its last event."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import orjson

from runtime.engine import EngineCall, Event, Fault, Metered, Modality, Started
from runtime.flavours import Flavour
from runtime.http.failure import HttpFailure
from runtime.http.message import Client, Limits, Request, Response
from runtime.http.sse import EventTooLarge, SseParser
from runtime.openai_chat import ChatReader
from runtime.openai_embeddings import vectors_of
from runtime.openai_faults import fault_of_body, fault_of_failure

_ERROR_BYTES: Final = 65_536
_ANSWER_BYTES: Final = 268_435_456
_IN_THREAD_BYTES: Final = 131_072

Identify = Callable[[EngineCall, Mapping[str, Any]], Started]
"""What evidence says of who served a call, from the first chunk of its answer."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where calls go: paths start with ``prefix``, every request carries ``headers``."""

    client: Client
    flavour: Flavour
    identify: Identify
    limits: Limits
    prefix: str
    headers: tuple[tuple[str, str], ...]

    def request(self, method: str, path: str, body: bytes = b"") -> Request:
        return Request(method, self.prefix + path, self.headers, body)


class Run:
    """An async context manager that yields the call's events, each parsed once.

    ``rid`` is the id that the server knows the run by; ``was_cut`` says, afterwards, that it was left
    before its end. Leaving closes the connection at once, which is what makes the server stop.
    """

    def __init__(
        self,
        server: Server,
        call: EngineCall,
        enter: Callable[["Run"], None],
        leave: Callable[["Run"], None],
    ) -> None:
        self.call = call
        self.rid = call.rid
        self.was_cut = False
        self._server = server
        self._enter = enter
        self._leave = leave
        self._response: Response | None = None
        self._ended = False
        self._events = self._chat() if call.modality is Modality.CHAT else self._embed()

    async def __aenter__(self) -> AsyncIterator[Event]:
        self._enter(self)
        return self._events

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.was_cut = not self._ended
        self.cut()
        self._leave(self)
        await self._events.aclose()

    def cut(self) -> None:
        """Close the connection; who reads the events gets a Fault."""
        if self._response is not None:
            self._response.close()

    async def _chat(self) -> AsyncGenerator[Event, None]:
        body = self.call.body
        reader = ChatReader(
            body.get("n") or 1,
            body.get("top_logprobs") or 0,
            self._server.flavour.tally(self.call),
            lambda chunk: self._server.identify(self.call, chunk),
        )
        watch = _EventWatch(self._server.limits)
        parser = SseParser()
        try:
            response = await self._send("/v1/chat/completions")
            if response.status != 200:
                yield self._last(fault_of_body(response.status, await response.read(_ERROR_BYTES)))
                return
            while not reader.done and (data := await response.chunk()):
                payloads = parser.feed(data)
                if (fault := watch.late(bool(payloads))) is not None:
                    yield fault
                    return
                for payload in payloads:
                    for event in reader.events(payload):
                        if isinstance(event, Fault):
                            yield self._last(event)
                            return
                        yield event
            if reader.done:
                response.finish()
            yield self._last(reader.ending())
        except HttpFailure as failure:
            yield fault_of_failure(failure)
        except EventTooLarge as error:
            yield Fault("internal", retryable=False, status=502, detail=str(error))

    async def _embed(self) -> AsyncGenerator[Event, None]:
        try:
            response = await self._send("/v1/embeddings")
            if response.status != 200:
                yield self._last(fault_of_body(response.status, await response.read(_ERROR_BYTES)))
                return
            body = await response.read(_ANSWER_BYTES)
        except HttpFailure as failure:
            yield fault_of_failure(failure)
            return
        self._ended = True
        inputs = len(self.call.body["input"])
        if len(body) > _IN_THREAD_BYTES:
            answer = await asyncio.to_thread(vectors_of, body, inputs)
        else:
            answer = vectors_of(body, inputs)
        if isinstance(answer, Fault):
            yield answer
            return
        yield self._server.identify(self.call, {})
        yield answer[0]
        yield Metered(answer[1])

    async def _send(self, path: str) -> Response:
        flavour = self._server.flavour
        chat = self.call.modality is Modality.CHAT
        make_body = flavour.chat_body if chat else flavour.embedding_body

        def attempt(number: int) -> Request:
            self.rid = self.call.rid if number == 1 else f"{self.call.rid}-{number}"
            return self._server.request("POST", path, orjson.dumps(make_body(self.call, self.rid)))

        self._response = await self._server.client.send(attempt)
        return self._response

    def _last(self, event: Event) -> Event:
        self._ended = True
        return event


class _EventWatch:
    """Time limits by events: comments keep a connection alive, not a call."""

    def __init__(self, limits: Limits) -> None:
        self._clock = asyncio.get_running_loop().time
        self._between_s = limits.between_bytes_s
        self._limit_s = limits.first_byte_s
        self._since_s = self._clock()

    def late(self, any_event: bool) -> Fault | None:
        """To be asked whenever bytes came, and told whether an event was among them."""
        now_s = self._clock()
        if any_event:
            self._since_s, self._limit_s = now_s, self._between_s
        elif now_s - self._since_s > self._limit_s:
            detail = f"no event in {self._limit_s:g} s"
            return Fault("stalled", retryable=True, status=504, detail=detail)
        return None
