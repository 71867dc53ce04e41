"""Carries the bridge's HTTP requests: with credentials, and with answers that an MCP client can show."""

import logging
from typing import Final, Protocol

import httpx2
import orjson

_JSON: Final = {"content-type": "application/json"}
_INTERNAL: Final = -32603
_logger: Final = logging.getLogger("batchin.bridge")


class Credentials(Protocol):
    """Who pays: a key that never changes, or the token of a wallet that signed in."""

    @property
    def bearer(self) -> str | None: ...

    def refused(self) -> bool:
        """The server did not take the bearer: whether to call without one from now on."""
        ...


class Key:
    """An API key, or nobody."""

    def __init__(self, key: str | None) -> None:
        self.bearer = key

    def refused(self) -> bool:
        return False


class Courier(httpx2.AsyncBaseTransport):
    """A failure becomes a JSON-RPC error that says what is wrong and what to do: the client shows it."""

    def __init__(self, inner: httpx2.AsyncClient, credentials: Credentials) -> None:
        self._inner = inner  # a client, and no transport: it heeds the environment's proxies
        self._credentials = credentials

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._sent(request)
            if response.status_code == 401 and self._credentials.refused():
                await response.aclose()
                response = await self._sent(request)
        except httpx2.TransportError as error:
            server = f"{request.url.scheme}://{request.url.netloc.decode()}"
            text = f"{server} can't be reached: {str(error) or type(error).__name__}."
            return _told(503, text)
        if response.status_code < 400 or response.status_code == 405:
            return response
        return await _explained(response)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        bearer = self._credentials.bearer
        request.headers.pop("authorization", None)
        if bearer is not None:
            request.headers["authorization"] = f"Bearer {bearer}"
        return await self._inner.send(request, stream=True)


async def _explained(response: httpx2.Response) -> httpx2.Response:
    """A documented error of the server as JSON-RPC; what is JSON-RPC already stays as it is."""
    body = await response.aread()
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and "jsonrpc" in document:
        return httpx2.Response(response.status_code, headers=_JSON, content=body)
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return _told(response.status_code, f"The server answered {response.status_code}.")
    return _told(response.status_code, f"{error.get('message')} {error.get('resolution') or ''}".strip())


def _told(status: int, message: str) -> httpx2.Response:
    _logger.error("%s", message)
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": _INTERNAL, "message": message}}
    return httpx2.Response(status, headers=_JSON, content=orjson.dumps(error))
