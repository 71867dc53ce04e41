"""Bare ASGI applications on the same uvicorn: what is left when a server does nothing.

``python -m benchmarks.floor memory PORT`` answers every request with one JSON body from memory;
``python -m benchmarks.floor relay PORT ENGINE_PORT`` passes requests and answers on, unread.
"""

import sys

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.http.message import Request
from runtime.http.plain import PlainClient

_BODY = b'{"choices":[{"message":{"role":"assistant","content":"' + b"a" * 600 + b'"}}]}'
_HEADERS = (("Content-Type", "application/json"),)


async def memory(_: Scope, receive: Receive, send: Send) -> None:
    await receive()
    length = str(len(_BODY)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})


class Relay:
    """Sends what comes to the engine, and what the engine sends to who asked."""

    def __init__(self, engine_port: int) -> None:
        self._client = PlainClient("127.0.0.1", engine_port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        request = Request("POST", scope["path"], _HEADERS, body)
        response = await self._client.send(lambda _: request)
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while data := await response.chunk():
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def main(kind: str, port: int, *engine_port: str) -> None:
    app: ASGIApp = Relay(int(engine_port[0])) if kind == "relay" else memory
    uvicorn.run(
        app,
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
