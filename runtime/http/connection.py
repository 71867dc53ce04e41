"""One HTTP/1.1 connection to an engine, which carries one exchange at a time."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, cast

import httptools

from runtime.http.failure import (
    BadResponse,
    ConnectionLost,
    ConnectionStale,
    HttpFailure,
    SilenceTooLong,
)
from runtime.http.message import Limits
from runtime.http.response import PlainResponse

_BODILESS: Final = (204, 304)


class Connection(asyncio.Protocol):
    """``on_idle`` gets it back when it can carry the next exchange, ``on_lost`` when it never will.

    ``last_s`` is when a request left or bytes came last. It leaves nothing to guess: bytes that nobody
    asked for, a second response or anything that is not HTTP/1.1 end the connection.
    """

    _answered: bool
    _headed: bool
    _framed: bool
    _done: bool
    _more: bool

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        on_idle: Callable[["Connection"], None],
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self.loop = loop
        self.limits = limits
        self.idle_since_s = 0.0
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # the parser's callback: one a piece of a body
        self._parser = httptools.HttpResponseParser(self)
        self._response: PlainResponse | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._whole = 0
        self._exchanges = 0
        self._paused = False
        self.last_s = 0.0
        self._limit_s = 0.0
        self._tick_s = min(limits.first_byte_s, limits.between_bytes_s, limits.idle_s)
        self._timer: asyncio.TimerHandle | None = None
        self._begin()

    def send(self, message: bytes) -> PlainResponse:
        """Write a request; the response is filled as it comes."""
        response = self._response = PlainResponse(self)
        self._exchanges += 1
        self._begin()
        self.last_s = self.loop.time()
        self._limit_s = self.limits.first_byte_s
        if self._timer is None:
            self._timer = self.loop.call_later(self._tick_s, self._tick)
        if self._transport is None or self._transport.is_closing():
            self.fail(self._loss())
        else:
            self._transport.write(message)
        return response

    def pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self.last_s = self.loop.time()
            self._transport.resume_reading()

    def finish_within(self, seconds: float) -> None:
        """Give the rest of the body that long."""
        self._limit_s = seconds
        self.last_s = self.loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._tick)

    def abort(self) -> None:
        """Close at once: the engine sees it and stops."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
            self._on_lost(self)

    def fail(self, failure: HttpFailure) -> None:
        response, self._response = self._response, None
        self.abort()
        if response is not None:
            response.fail(failure)

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if self._response is None:
            self.abort()
            return
        self._answered = True
        self.last_s = self.loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._done:
                self.fail(BadResponse(f"not HTTP/1.1: {type(error).__name__}"))
                return
            self._more = True
        if self._headed:
            self._deliver(self._response)
            return
        self._fed_bytes += len(data)
        if self._fed_bytes > self.limits.head_bytes:
            self.fail(BadResponse("a head over the limit"))

    def connection_lost(self, exc: Exception | None) -> None:
        response = self._response
        if response is not None and self._headed and not self._framed and exc is None:
            self._response = None
            self.abort()
            response.end()
        else:
            self.fail(self._loss())

    # httptools calls these while data_received feeds it.

    def on_message_begin(self) -> None:
        self._more = self._done

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._headed:
            return  # a trailer, or the head of a response that nobody asked for
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self.limits.head_bytes:
            raise BadResponse("a head over the limit")
        self._headers.append((name, value))
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._framed = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._response is None or self._headed:
            return
        self._headed = True
        self._framed = self._framed or status in _BODILESS
        self._response.arrived(status, self._headers)

    def on_message_complete(self) -> None:
        if not self._headed:  # 1xx: the real head follows
            self._headers = []
            self._framed = False
            return
        if not self._done:
            self._whole = len(self._pieces)
        self._done = True
        self._keeps_alive = self._parser.should_keep_alive()

    def _deliver(self, response: PlainResponse) -> None:
        pieces = self._pieces
        if self._more:
            del pieces[self._whole :]  # of a response that nobody asked for
        if pieces:
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            self._limit_s = min(self._limit_s, self.limits.between_bytes_s)
            response.push(data)
        if not self._done or self._response is None:
            return
        self._response = None
        transport = self._transport
        sent = transport is not None and transport.get_write_buffer_size() == 0
        if self._keeps_alive and not self._more and sent:
            self.resume()
            self.idle_since_s = self.last_s
            self._on_idle(self)
        else:
            self.abort()
        response.end()

    def _begin(self) -> None:
        """Forget the last exchange."""
        self._headers = []
        self._pieces.clear()
        self._fed_bytes = 0
        self._head_bytes = 0
        self._answered = False  # a byte of the response has come
        self._headed = False  # its head is complete
        self._framed = False  # the end of its body does not need the end of the connection
        self._done = False  # its body is complete
        self._more = False  # something came after it
        self._keeps_alive = False

    def _loss(self) -> HttpFailure:
        if self._exchanges > 1 and not self._answered:
            return ConnectionStale("the engine had closed the connection")
        return ConnectionLost("the engine closed the connection")

    def _tick(self) -> None:
        """One timer a connection, never cancelled for an answer: it looks when it is due."""
        self._timer = None
        if self._transport is None:
            return
        now_s = self.loop.time()
        since_s, limit_s = self.last_s, self._limit_s
        if self._response is None:
            since_s, limit_s = self.idle_since_s, self.limits.idle_s
        elif self._paused:
            since_s = now_s
        if now_s - since_s >= limit_s:
            self.fail(SilenceTooLong(f"no byte in {limit_s:g} s"))
            return
        self._timer = self.loop.call_at(min(since_s + limit_s, now_s + self._tick_s), self._tick)
