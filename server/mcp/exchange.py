"""A tools/call without the SDK's transport, which takes four fifths of a small call's time.

It takes what is well-formed; all else, and every refusal of the protocol, is left to the SDK.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson
from mcp.server.runner import modern_error_data
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY
from mcp_types.methods import serialize_server_result, validate_client_request
from pydantic import ValidationError
from starlette.types import Scope, Send

from manifests.identity import HANDSHAKE_VERSIONS, MODERN_VERSIONS
from server.mcp.calls import ToolCalls
from server.mcp.message import ToolMessage
from server.mcp.visit import Visit
from server.web.connection import Watch
from server.web.wire import wire_of

METHOD: Final = "tools/call"
PING_S: Final = 15.0
_JSON: Final = b"application/json"
_EVENTS: Final = b"text/event-stream"
_ANSWERS: Final = {_JSON, _EVENTS}
_MEMBERS: Final = {"jsonrpc", "id", "method", "params"}
_PARAMS: Final = {"name", "arguments", "_meta"}
_ID: Final = (str, int)  # and no bool, which is an int
_STREAM: Final = [
    (b"content-type", _EVENTS),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True)
class _Called:
    """A well-formed message: the revision that it speaks, its id, its params."""

    version: str
    request_id: str | int
    params: Mapping[str, Any]

    @property
    def modern(self) -> bool:
        return self.version in MODERN_VERSIONS

    @property
    def meta(self) -> Mapping[str, Any]:
        return self.params.get("_meta") or {}


@dataclass(frozen=True, slots=True)
class Exchanges:
    """Answers with one JSON body; with a stream from the first notification, or the first ping, on.

    ``names`` are the tools that it calls; others are the SDK's to call or to refuse.
    """

    calls: ToolCalls
    names: frozenset[str]
    send_timeout_s: float

    async def take(self, scope: Scope, visit: Visit, send: Send) -> bool:
        """Answer a message; False, with nothing sent, for one that the SDK has to answer."""
        called = self._called(scope, visit)
        if called is None:
            return False
        meta = called.meta
        watch = Watch(wire_of(scope), send, self.send_timeout_s)
        reply = _Reply(called, watch, send)
        message = ToolMessage(
            name=called.params["name"],
            arguments=called.params.get("arguments") or {},
            meta=meta,
            request_id=called.request_id,
            modern=called.modern,
            visit=visit,
            report=reply.report if "progressToken" in meta else None,
        )
        with watch, reply:
            try:
                result = await self.calls.call(message)
            except MCPError as error:
                await reply.fail(error)
            else:
                await reply.end(result)
        return True

    def _called(self, scope: Scope, visit: Visit) -> _Called | None:
        """What a message calls, if it is all well-formed (streamable HTTP, sending messages)."""
        headers = visit.head.headers
        twice = len(headers) != len(scope["headers"])
        if (
            twice
            or _kinds(headers, b"content-type") != {_JSON}
            or not _ANSWERS.issubset(_kinds(headers, b"accept"))
        ):
            return None
        version = headers.get(b"mcp-protocol-version", b"").decode("latin-1")
        sound = _SOUND.get(version)
        if sound is None:
            return None
        try:
            message = orjson.loads(visit.body)
            called = _Called(version, message["id"], message["params"])
            name = called.params["name"]
            if not (
                message.keys() == _MEMBERS
                and called.params.keys() <= _PARAMS
                and type(called.request_id) in _ID
                and type(called.meta.get("progressToken", "")) in _ID
                and message["jsonrpc"] == "2.0"
                and message["method"] == METHOD
                and sound(headers, version, called)
                and name in self.names
            ):
                return None
            validate_client_request(METHOD, version, called.params)
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError, ValidationError):
            return None
        return called


def _kinds(headers: Mapping[bytes, bytes], name: bytes) -> set[bytes]:
    """The media types that a header names, without their parameters."""
    return {kind.partition(b";")[0].strip() for kind in headers.get(name, b"").split(b",")}


def _agrees(headers: Mapping[bytes, bytes], version: str, called: _Called) -> bool:
    """A 2026-07-28 message and its headers say the same (SEP-2243)."""
    meta = called.params["_meta"]
    name: str = called.params["name"]
    return (
        meta[PROTOCOL_VERSION_META_KEY] == version
        and CLIENT_CAPABILITIES_META_KEY in meta
        and headers.get(b"mcp-method") == METHOD.encode()
        and headers.get(b"mcp-name") == name.encode()
    )


def _stands(headers: Mapping[bytes, bytes], version: str, called: _Called) -> bool:
    """A handshake-era message says all in its body."""
    return True


_Sound = Callable[[Mapping[bytes, bytes], str, _Called], bool]
_SOUND: Final[Mapping[str, _Sound]] = dict.fromkeys(HANDSHAKE_VERSIONS, _stands) | dict.fromkeys(
    MODERN_VERSIONS, _agrees
)


class _Reply:
    """What one client is answered; entered while its call runs."""

    def __init__(self, called: _Called, watch: Watch, send: Send) -> None:
        self._called = called
        self._watch = watch
        self._send = send
        self._streaming = False
        self._pings: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(PING_S, self._start_pings, loop)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._pings is not None:
            self._pings.cancel()

    async def report(self, progress: float, total: float | None, message: str | None) -> None:
        """One ``notifications/progress``."""
        token = self._called.meta["progressToken"]
        params = {"progressToken": token, "progress": progress, "total": total, "message": message}
        told = {name: value for name, value in params.items() if value is not None}
        await self._part(_event({"method": "notifications/progress", "params": told}))

    async def end(self, result: Mapping[str, Any]) -> None:
        """The result; an older revision is told what it knows of it."""
        if not self._called.modern:
            result = serialize_server_result(METHOD, self._called.version, result)
        await self._last({"id": self._called.request_id, "result": result}, 200)

    async def fail(self, error: MCPError) -> None:
        """An error of the protocol, as the SDK tells it."""
        told = modern_error_data(error).model_dump(mode="json", exclude_none=True)
        status = ERROR_CODE_HTTP_STATUS.get(told["code"], 200) if self._called.modern else 200
        await self._last({"id": self._called.request_id, "error": told}, status)

    async def _last(self, message: Mapping[str, Any], status: int) -> None:
        self.__exit__()
        if self._streaming:
            await self._send({"type": "http.response.body", "body": _event(message)})
            return
        body = orjson.dumps({"jsonrpc": "2.0", **message})
        headers = [(b"content-type", _JSON), (b"content-length", str(len(body)).encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def _part(self, data: bytes) -> None:
        """What a call tells while it runs, from tasks of its own: a reader who takes none of it for
        ``send_timeout_s`` ends the call."""
        if not self._streaming:
            self._streaming = True
            await self._send({"type": "http.response.start", "status": 200, "headers": _STREAM})
        try:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError:
            self._watch.cut()

    def _start_pings(self, loop: asyncio.AbstractEventLoop) -> None:
        self._pings = loop.create_task(self._ping())

    async def _ping(self) -> None:
        """Keep intermediaries from cutting a stream on which nothing is told."""
        while True:
            await self._part(b": ping\r\n\r\n")
            await asyncio.sleep(PING_S)


def _event(message: Mapping[str, Any]) -> bytes:
    return b"event: message\r\ndata: " + orjson.dumps({"jsonrpc": "2.0", **message}) + b"\r\n\r\n"
