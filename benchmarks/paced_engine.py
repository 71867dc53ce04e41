"""An OpenAI-compatible chat engine that talks at a steady pace, whatever its readers do.

``python -m benchmarks.paced_engine PORT EVENTS PACE_S BYTES``: an answer has so many events of so many
bytes, one each ``PACE_S``. ``GET /cut`` lists when streams were cut by their reader, in nanoseconds of
CLOCK_MONOTONIC: a client on the same machine can tell how long after it left.
"""

import asyncio
import sys
import time

import orjson
import uvloop

from benchmarks.instant_engine import MODEL

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_MODELS = orjson.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


class Engine(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, events: int, pace_s: float, size: int, cuts: list[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._events = events
        self._pace_s = pace_s
        self._event = _event({"content": "w" * size}, None)
        self._cuts = cuts
        self._said = 0
        self._timer: asyncio.TimerHandle | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # a protocol of stream sockets is given no other kind
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._cuts.append(time.monotonic_ns())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self._buffer = b""
        if head.startswith(b"GET /cut"):
            self._transport.write(_json(orjson.dumps(self._cuts)))
        elif head.startswith(b"GET"):
            self._transport.write(_json(_MODELS))
        else:
            self._said = 0
            self._transport.write(_HEAD + _event({"role": "assistant", "content": ""}, None))
            self._timer = self._loop.call_later(self._pace_s, self._say)

    def _say(self) -> None:
        self._said += 1
        if self._said > self._events:
            self._timer = None
            self._transport.write(_event({}, "stop") + _usage(self._events) + _DONE)
            return
        self._transport.write(self._event)
        self._timer = self._loop.call_later(self._pace_s, self._say)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _chunk(b"data: " + orjson.dumps({"model": MODEL, "choices": [choice]}) + b"\n\n")


def _usage(tokens: int) -> bytes:
    usage = {"prompt_tokens": 22, "completion_tokens": tokens}
    return _chunk(b"data: " + orjson.dumps({"model": MODEL, "choices": [], "usage": usage}) + b"\n\n")


_DONE = _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def _json(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


def _length(head: bytes) -> int:
    name, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n")[0]) if rest and name else 0


async def main(port: int, events: int, pace_s: float, size: int) -> None:
    cuts: list[int] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Engine(events, pace_s, size, cuts), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        asked = sys.argv[1:]
        runner.run(main(int(asked[0]), int(asked[1]), float(asked[2]), int(asked[3])))
