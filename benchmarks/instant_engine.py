"""An OpenAI-compatible chat engine that answers at once: what remains is the server's own cost.

``python -m benchmarks.instant_engine PORT CHUNKS``. It speaks what gateways ask of an engine (chat
completions with usage, streamed or whole, the model list) and nothing else. Each event carries the time
at which it left, in nanoseconds of CLOCK_MONOTONIC: a client on the same machine can tell the relay
delay.
"""

import asyncio
import re
import sys
import time

import orjson
import uvloop

MODEL = "instant"
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_STREAMED = re.compile(rb'"stream": ?true')
_ENVELOPE = '"id":"chatcmpl-instant","object":"chat.completion.chunk","created":1,"model":"instant"'
_MODELS = b'{"object":"list","data":[{"id":"instant","object":"model","created":1,"owned_by":"bench"}]}'


class Engine(asyncio.Protocol):
    """One connection: requests one after the other, each answered in one write."""

    def __init__(self, chunks: int) -> None:
        self._chunks = chunks
        self._buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # a protocol of stream sockets is given no other kind
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (request := self._next()) is not None:
            self._transport.write(self._answer(request))

    def _next(self) -> bytes | None:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = _content_length(head)
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        return head + separator + rest[:length]

    def _answer(self, request: bytes) -> bytes:
        if request.startswith(b"GET"):
            return _json(_MODELS)
        if _STREAMED.search(request) is None:
            return _json(self._completion())
        return _HEAD + b"".join(map(_chunk, self._events(_choices(request)))) + b"0\r\n\r\n"

    def _counts(self) -> dict[str, int]:
        told = {"prompt_tokens": 22, "completion_tokens": self._chunks}
        return {**told, "total_tokens": 22 + self._chunks}

    def _completion(self) -> bytes:
        text = f" t={time.monotonic_ns()};" * self._chunks
        message = {"role": "assistant", "content": text}
        return orjson.dumps(
            {
                "id": "chatcmpl-instant",
                "object": "chat.completion",
                "created": 1,
                "model": MODEL,
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": self._counts(),
            }
        )

    def _events(self, choices: int = 1) -> list[bytes]:
        usage = orjson.dumps(self._counts()).decode()
        texts = [
            _delta(f'{{"content":" t={time.monotonic_ns()};"}}', "null") for _ in range(self._chunks)
        ]
        return [
            _delta('{"role":"assistant","content":""}', "null"),
            *texts,
            *(_delta("{}", '"stop"', index) for index in range(choices)),
            f'data: {{{_ENVELOPE},"choices":[],"usage":{usage}}}\n\n'.encode(),
            b"data: [DONE]\n\n",
        ]


def _choices(request: bytes) -> int:
    """How many answers are asked for; looked for only where it may be more than one."""
    if b'"n":' not in request and b'"prompt":[' not in request:
        return 1
    body = orjson.loads(request.partition(b"\r\n\r\n")[2])
    prompts = body.get("prompt")
    return int(body.get("n") or 1) * (len(prompts) if isinstance(prompts, list) else 1)


def _delta(delta: str, finish: str, index: int = 0) -> bytes:
    choice = f'{{"index":{index},"delta":{delta},"logprobs":null,"finish_reason":{finish}}}'
    return f'data: {{{_ENVELOPE},"choices":[{choice}]}}\n\n'.encode()


def _json(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def main(port: int, chunks: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Engine(chunks), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), int(sys.argv[2])))
