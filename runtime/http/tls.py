"""The client of one https origin, over aiohttp."""

import asyncio
import ssl
from types import TracebackType
from typing import Self

import aiohttp

from runtime.http.failure import BadResponse, ConnectFailed, ConnectionLost, HttpFailure, SilenceTooLong
from runtime.http.message import DEFAULT_LIMITS, Attempt, Limits


class TlsResponse:
    """A response on an aiohttp connection, as ``runtime.http.message.Response`` tells."""

    def __init__(self, response: aiohttp.ClientResponse, limits: Limits) -> None:
        self._response = response
        self._limit_s = limits.first_byte_s
        self._between_s = limits.between_bytes_s
        self.heard_s = asyncio.get_running_loop().time()

    @property
    def status(self) -> int:
        return self._response.status

    def header(self, name: str) -> str | None:
        values = self._response.headers.getall(name, [])
        return values[-1] if values else None

    async def chunk(self) -> bytes:
        with _Failures():
            async with asyncio.timeout(self._limit_s):
                data = await self._response.content.readany()
        self._limit_s = self._between_s
        self.heard_s = asyncio.get_running_loop().time()
        return data

    async def read(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while data := await self.chunk():
            parts.append(data)
            size += len(data)
            if size > limit:
                raise BadResponse(f"a body of over {limit} bytes")
        return b"".join(parts)

    def finish(self) -> None:
        self.close()

    def close(self) -> None:
        self._response.close()


class TlsClient:
    """Sends to ``https://host:port``; certificates are checked against the system's authorities."""

    def __init__(self, origin: str, limits: Limits = DEFAULT_LIMITS) -> None:
        self._origin = origin
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def send(self, attempt: Attempt) -> TlsResponse:
        request = attempt(1)
        session = await self._opened()
        with _Failures():
            async with asyncio.timeout(self._limits.connect_s + self._limits.first_byte_s):
                response = await session.request(
                    request.method,
                    self._origin + request.path,
                    headers=dict(request.headers + request.own),
                    data=request.body,
                    allow_redirects=False,
                )
        return TlsResponse(response, self._limits)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is not None:
            return self._session
        context = await asyncio.to_thread(ssl.create_default_context)  # reads all authorities
        if self._session is None:  # another call may have been faster
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=self._limits.idle_s, ssl=context
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_s),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=self._limits.unread_bytes,
            )
        return self._session


class _Failures:
    """Turns aiohttp's errors into ours."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        failure = _failure_of(error)
        if failure is not None:
            raise failure from error


def _failure_of(error: BaseException | None) -> HttpFailure | None:
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return ConnectFailed(str(error))
        case TimeoutError():
            return SilenceTooLong("the time limit passed")
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError() | ConnectionError():
            return ConnectionLost(str(error))
        case aiohttp.ClientError():
            return BadResponse(str(error))
        case _:
            return None
