"""uvicorn's HTTP protocol with the limits it lacks: slow heads, slow bodies, huge heads, pipelining.

Errors before a request exists are answered in the documented shape too, and the connection closes.
"""

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from base.errors import BatchinError, InvalidRequest, RequestTimeout

MAX_HEAD_BYTES = 65_536


class _HeadTooLarge(InvalidRequest):
    status = 431
    resolution = f"Send at most {MAX_HEAD_BYTES} bytes of request line and headers."


class GuardedProtocol(HttpToolsProtocol):
    """One connection. ``patience_s`` bounds a request's head, and each silence within its body."""

    patience_s: float
    cycle: RequestResponseCycle | None  # type: ignore[assignment] # None before the first request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # uvicorn's own signature narrows BaseProtocol's the same way
        super().connection_made(transport)
        self._head_bytes = 0
        self._receiving = True
        self._patience: asyncio.TimerHandle | None = None
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_HeadTooLarge("The request's head is too large."))
        elif self._receiving and self._head_bytes < 0:
            self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._receiving = True
        if self._patience is None:
            self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value.strip(b" \t"))  # RFC 9110 section 5.5: not part of the value

    def on_headers_complete(self) -> None:
        self._head_bytes = -1
        if self.cycle is not None and not self.cycle.response_complete:
            # a pipelined request would pause reading, and a disconnect would pass unseen
            self._refuse(InvalidRequest("Pipelined requests are not served."))
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._receiving = False
        self._stop_waiting()
        if self.cycle is not None:
            super().on_message_complete()

    def eof_received(self) -> None:
        """A half-close counts as a disconnect (the transport closes when this returns None)."""

    def send_400_response(self, msg: str) -> None:
        self._refuse(InvalidRequest(msg, resolution="Send a valid HTTP/1.1 request."))

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

    def _refuse(self, error: BatchinError) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_answer(error))
        self.transport.close()


def guarded(patience_s: float) -> type[GuardedProtocol]:
    """The protocol class for ``uvicorn.Config(http=...)``, which takes no arguments of ours."""
    attributes: dict[str, Any] = {"patience_s": patience_s}
    return type("GuardedProtocol", (GuardedProtocol,), attributes)


def _answer(error: BatchinError) -> bytes:
    body = orjson.dumps(error.body())
    head = (
        f"HTTP/1.1 {error.status} {error.code}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nx-should-retry: false\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
