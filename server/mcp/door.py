"""The ASGI app of /v1/mcp: checks a request's head, then hands its message to the protocol."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from starlette.types import Message, Receive, Scope, Send

from base.caller import Caller
from base.errors import (
    MethodNotAllowed,
    ServiceUnavailable,
    Unauthorized,
    UnsupportedMediaType,
)
from base.settings import Settings
from manifests.document import Document
from manifests.facts import Facts
from manifests.identity import server_info
from server.mcp.cancellations import Cancellations
from server.mcp.hosts import Hosts
from server.mcp.task_times import TaskTimes
from server.mcp.visit import SCOPE_KEY, Visit
from server.web.caller import Callers
from server.web.pieces import pieces_of
from server.web.refusal import refusal_headers
from server.web.request import Disconnected, Head, check_holders, read_body, read_head, too_large
from server.web.respond import public_error, send_error
from server.web.wire import Wire, wire_of
from tools.invoke import Invoker
from tools.prompts.book import PromptBook
from tools.tasks.book import TaskBook

if TYPE_CHECKING:
    from server.mcp.protocol import Protocol
    from server.mcp.resources import Bundles, ReadFile

SESSION = b"mcp-session-id"
VERSION = b"mcp-protocol-version"
PROTECTED_RESOURCE = "/.well-known/oauth-protected-resource/v1/mcp"
_LONGEST_SESSION = 128
_MANY = 20_000  # values of a message that carries a file


@dataclass(frozen=True, slots=True)
class McpParts:
    """What the door is made of."""

    invoker: Invoker
    callers: Callers
    settings: Settings
    facts: Facts
    documents: Mapping[str, Document]
    bundles: "Bundles"
    files: "ReadFile"
    tasks: TaskBook
    task_times: TaskTimes
    prompts: PromptBook | None = None


class McpDoor:
    """Serves while ``running`` is entered; before and after it answers 503.

    A Bearer key that is not valid is answered with 401 before the message is looked at; a request
    without one is anonymous and may pay by x402.
    """

    def __init__(self, parts: McpParts) -> None:
        self._parts = parts
        self._hosts = Hosts(parts.settings, parts.facts.base_url)
        self._cancellations = Cancellations()
        self._protocol: Protocol | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["McpDoor"]:
        """Load the protocol and serve it until the context is left."""
        protocol = await anyio.to_thread.run_sync(self._build)
        if self._parts.prompts is not None:
            self._parts.prompts.changed.append(protocol.bus.prompts_changed)
        async with protocol.task_runs.running(), protocol.manager.run():
            self._protocol = protocol
            try:
                yield self
            finally:
                self._protocol = None
                protocol.close()

    async def tools_changed(self) -> None:
        """Tell subscribed clients that the tools' availability changed."""
        if self._protocol is not None:
            await self._protocol.tools_changed()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        timed = _Timed(send, wire_of(scope), self._parts.settings.send_timeout_s)
        try:
            await self._serve(scope, receive, timed.send)
        except Disconnected:
            return
        except Exception as error:
            if timed.stalled:
                return
            if timed.begun:
                raise
            shown = public_error(error)
            headers = refusal_headers(self._parts.invoker.observer, "mcp", shown)
            await send_error(timed.send, shown, headers)
        finally:
            if timed.stalled:
                _cut(scope)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            raise MethodNotAllowed(
                f"{scope['method']} is not allowed on /v1/mcp.",
                resolution="POST JSON-RPC messages; answers come as JSON or as an event stream.",
                headers={"Allow": "POST"},
            )
        head = read_head(scope)
        self._hosts.check(head.text(b"host"), head.text(b"origin"))
        if self._protocol is None:
            raise ServiceUnavailable("The MCP door is not open.", retry_after_s=1)
        caller = self._caller(head)
        body = await self._message(receive, head)
        _check_json(head)
        check_holders(body)
        session = _session(head)
        if session is not None:
            self._cancellations.heed(session, body)
        elif VERSION not in head.headers:
            send = _naming(send)
        visit = Visit(head, caller, body, session)
        if await self._protocol.exchanges.take(scope, visit, send):
            return
        carried = {**scope, SCOPE_KEY: visit}
        await self._protocol.manager.asgi_app(carried, _replay(body, receive), send)

    async def _message(self, receive: Receive, head: Head) -> bytes:
        """The body. One that is larger than others may be is taken for the file in it: parsing that is
        cheap, where as many bytes of small values would hold up every other call."""
        small = self._parts.settings.max_body_bytes
        body = await read_body(receive, head, max(small, self._parts.settings.max_message_bytes))
        if len(body) > small and body.count(b",") + body.count(b"[") + body.count(b"{") > _MANY:
            raise too_large(small)
        return body

    def _caller(self, head: Head) -> Caller:
        try:
            return self._parts.callers.caller(head)
        except Unauthorized as error:
            if PROTECTED_RESOURCE in self._parts.documents:
                url = self._parts.facts.base_url + PROTECTED_RESOURCE
                error.headers = {"WWW-Authenticate": f'Bearer resource_metadata="{url}"'}
            raise

    def _build(self) -> "Protocol":
        from server.mcp.calls import ToolCalls, resources_of
        from server.mcp.prompts import Prompts
        from server.mcp.protocol import build
        from server.mcp.resources import Resources
        from server.mcp.task_runs import TaskRuns
        from server.mcp.tasks import TaskMethods

        parts = self._parts
        info = server_info(parts.facts)
        runs = TaskRuns(
            parts.invoker, parts.tasks, parts.bundles, parts.settings.timeout_s, parts.task_times
        )
        sold = resources_of(parts.invoker.registry)
        calls = ToolCalls(parts.invoker, parts.callers, self._cancellations, runs, info, sold)
        resources = Resources(parts.documents, parts.invoker, parts.callers, parts.bundles, parts.files)
        methods = TaskMethods(parts.tasks, runs)
        prompts = Prompts(parts.prompts) if parts.prompts else None
        return build(calls, resources, prompts, methods, parts.facts, parts.settings)


class _Timed:
    """Sends in pieces, and gives up with TimeoutError on a reader who takes none of one. The first
    message goes into the socket's buffer: it can't stall."""

    def __init__(self, send: Send, wire: Wire | None, timeout_s: float) -> None:
        self._send = send
        self._wire = wire
        self._timeout_s = timeout_s
        self.begun = False
        self.stalled = False

    async def send(self, message: Message) -> None:
        if not self.begun:
            self.begun = True
            await self._send(message)
            return
        try:
            for piece in pieces_of(message):
                await self._piece(piece)
        except TimeoutError:  # a task group would hide it in a group of errors
            self.stalled = True
            raise

    async def _piece(self, piece: Message) -> None:
        if self._wire is not None and not self._wire.full:
            await self._send(piece)
            return
        with anyio.fail_after(self._timeout_s):
            await self._send(piece)


def _cut(scope: Scope) -> None:
    """Nobody reads: a connection that is only closed would wait for its reader for ever."""
    if (wire := wire_of(scope)) is not None:
        wire.abort()


def _check_json(head: Head) -> None:
    """Raises UnsupportedMediaType, which the protocol's own refusal would tell as plain text."""
    kind = (head.text(b"content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType(f"Content-Type should be application/json, not {kind!r}.")


def _session(head: Head) -> str | None:
    session = head.text(SESSION)
    return session if session and len(session) <= _LONGEST_SESSION else None


def _naming(send: Send) -> Send:
    """Give a handshake-era client a session id. It opens nothing and holds nothing here: it tells
    that client's calls from others' when one of them is to be cancelled."""
    name = (SESSION, secrets.token_hex(16).encode())

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], name]}
        await send(message)

    return named


def _replay(body: bytes, receive: Receive) -> Receive:
    """Receive a body that was read already, then what follows."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
