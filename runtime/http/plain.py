"""The pooled client of one plain-http origin."""

import asyncio
from collections.abc import Sequence
from typing import Final

from runtime.http.connection import Connection
from runtime.http.failure import ConnectFailed, ConnectionStale, HttpFailure
from runtime.http.message import DEFAULT_LIMITS, Attempt, Headers, Limits, Request, Response

_HEADS_KEPT: Final = 64
_HeadKey = tuple[str, str, Headers]


class PlainClient:
    """Keeps idle connections to ``host:port`` and uses the freshest first."""

    def __init__(self, host: str, port: int, limits: Limits = DEFAULT_LIMITS) -> None:
        self._host = host
        self._port = port
        self._limits = limits
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._heads: dict[_HeadKey, bytes] = {}

    async def send(self, attempt: Attempt) -> Response:
        try:
            return await self._exchange(self._idle_one() or await self._connect(), attempt(1))
        except ConnectionStale:
            self._drop_idle()
            return await self._exchange(await self._connect(), attempt(2))

    async def aclose(self) -> None:
        for connection in tuple(self._open):
            connection.abort()

    async def _exchange(self, connection: Connection, request: Request) -> Response:
        response = connection.send(self._message(request))
        try:
            await response.head()
        except HttpFailure:
            raise
        except BaseException:
            connection.abort()
            raise
        return response

    def _idle_one(self) -> Connection | None:
        if not self._idle:
            return None
        connection = self._idle.pop()
        if connection.loop.time() - connection.idle_since_s < self._limits.idle_s:
            return connection
        connection.abort()
        self._drop_idle()  # all others have been idle for longer
        return None

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().abort()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, self._limits, self._idle.append, self._forget),
                    self._host,
                    self._port,
                )
        except (OSError, TimeoutError) as error:
            raise ConnectFailed(f"{self._host}:{self._port}: {str(error) or 'too slow'}") from error
        self._open.add(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _message(self, request: Request) -> bytes:
        key = (request.method, request.path, request.headers)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= _HEADS_KEPT:
                self._heads.clear()
            head = self._heads[key] = self._head(request)
        own = _lines(request.own) if request.own else b""
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (head, own, len(request.body), request.body)

    def _head(self, request: Request) -> bytes:
        host = f"[{self._host}]" if ":" in self._host else self._host
        first = f"{request.method} {request.path} HTTP/1.1"
        return _joined([first]) + _lines((("Host", f"{host}:{self._port}"), *request.headers))


def _lines(headers: Headers) -> bytes:
    return _joined([f"{name}: {value}" for name, value in headers])


def _joined(lines: Sequence[str]) -> bytes:
    """Raises ValueError for a line that would be two."""
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in a request's head")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
