"""uvicorn's HTTP protocol with the limits it lacks: slow heads, slow bodies, huge heads, pipelining.

Errors before a request exists are answered in the documented shape too, and the connection closes.
"""

import asyncio
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from base.errors import BatchinError, InvalidRequest, RequestTimeout
from server.gathering import Gathering
from server.web.respond import error_headers, note_refusal
from server.web.wire import WIRE, Wire

MAX_HEAD_BYTES: Final = 65_536


class _HeadTooLarge(InvalidRequest):
    resolution = f"Send at most {MAX_HEAD_BYTES} bytes of request line and headers."


class GuardedProtocol(HttpToolsProtocol):
    """One connection. ``patience_s`` bounds a request's head, and each silence within its body.

    Requests that are sent before the one under way is answered are not heard, and the connection closes
    after that answer (RFC 9112 section 9.3.2): a queue of them would pause reading, and a disconnect
    would pass unseen.
    """

    patience_s: float
    cycle: RequestResponseCycle | None  # type: ignore[assignment] # None before the first request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # uvicorn's own signature narrows BaseProtocol's the same way
        super().connection_made(Gathering(transport, self.loop))
        self._wire = Wire(self.flow, self.transport)
        self._head_bytes = 0  # received; -1 once the head is whole
        self._head_size = 0
        self._receiving = True
        self._deaf = False
        self._patience: asyncio.TimerHandle | None = None
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)
        if self._wire.lost is not None:
            self._wire.lost()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_HeadTooLarge("The request's head is too large."))
        elif self._receiving and self._head_bytes < 0:
            self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][WIRE] = self._wire
        self._head_bytes = self._head_size = 0
        if self._under_way():
            self._ignore_the_rest()
            return
        self._receiving = True
        if self._patience is None:
            self._wait()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head_size += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_bytes < 0:
            return  # a trailer: it must not be taken for a header (RFC 9110 section 6.5.1)
        self._head_size += len(name) + len(value) + 4  # colon, space and line end
        super().on_header(name, value.strip(b" \t"))  # RFC 9110 section 5.5: not part of the value

    def on_headers_complete(self) -> None:
        self._head_bytes = -1
        if self._deaf or self.transport.is_closing():
            return
        if self._head_size > MAX_HEAD_BYTES:
            self._refuse(_HeadTooLarge("The request's head is too large."))
        elif self.parser.get_http_version() == "1.1" and self._hosts() != 1:
            self._refuse(InvalidRequest("An HTTP/1.1 request has one Host header (RFC 9112)."))
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None and not self._deaf:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._deaf:
            return
        self._receiving = False
        self._stop_waiting()
        self.flow.resume_reading()  # a large body paused it, and a paused connection never ends
        if self.cycle is not None:
            super().on_message_complete()

    def eof_received(self) -> None:
        """A half-close counts as a disconnect (the transport closes when this returns None)."""

    def send_400_response(self, msg: str) -> None:
        """uvicorn's word for what its parser refuses, which it has logged."""
        self._close(InvalidRequest(msg, resolution="Send a valid HTTP/1.1 request."))

    def _wait(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(self.patience_s, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        self._refuse(RequestTimeout("The request did not arrive in time."))

    def _hosts(self) -> int:
        return sum(name == b"host" for name, _ in self.headers)

    def _under_way(self) -> bool:
        """Whether a request was received whole and its answer is not."""
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def _ignore_the_rest(self) -> None:
        self._deaf = True
        self._receiving = False
        self._stop_waiting()
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def _refuse(self, error: BatchinError) -> None:
        if not self.transport.is_closing():
            note_refusal(error)
            self._close(error)

    def _close(self, error: BatchinError) -> None:
        if self.transport.is_closing():
            return
        if self._under_way():
            self._ignore_the_rest()
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:  # its body will not be whole
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(_answer(error))
        self.transport.close()


def guarded(patience_s: float) -> type[GuardedProtocol]:
    """The protocol class for ``uvicorn.Config(http=...)``, which takes no arguments of ours."""
    attributes: dict[str, Any] = {"patience_s": patience_s}
    return type("GuardedProtocol", (GuardedProtocol,), attributes)


def _answer(error: BatchinError) -> bytes:
    body = orjson.dumps(error.body())
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *error_headers(error),
    ]
    head = b"".join(b"%s: %s\r\n" % header for header in headers)
    return f"HTTP/1.1 {error.status} {error.code}\r\n".encode() + head + b"\r\n" + body
