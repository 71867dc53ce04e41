"""``python -m benchmarks.echo``: CPU time of an MCP call whose tool does nothing, in process.

The MCP door and the SDK's high-level server (``MCPServer``, which was FastMCP) are called as ASGI apps,
without sockets and without a web server: what is left is the protocol. They take turns, and the median
of the turns counts, since the machine does other things too.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import orjson
import uvloop
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, PROTOCOL_VERSION_META_KEY
from pydantic import BaseModel, Field
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine
from starlette.types import ASGIApp, Message, Scope

from base.caller import Caller
from base.clock import SystemClock
from base.errors import NotFound
from base.sealing import Sealer
from base.settings import Settings
from manifests.document import Document
from manifests.facts import Facts
from server.mcp.door import McpDoor, McpParts
from server.mcp.task_times import TaskTimes
from server.web.caller import Callers
from server.web.payment import no_payment
from settlement.rails import Rails
from storage import tables
from storage.sqlite import open_store
from tools.core import Call, Registry, Tool
from tools.immediate import Immediate
from tools.invoke import Invoker
from tools.observe import Observers
from tools.owner import Owner
from tools.tasks.book import TaskBook
from tools.tasks.tables import TABLES as TASKS

CALLS: Final = 400
TURNS: Final = 9
VERSION: Final = "2026-07-28"
HOST: Final = "127.0.0.1:8402"
LEGACY: Final = "2025-11-25"


class EchoInput(BaseModel):
    """What to repeat."""

    text: str = Field(min_length=1, max_length=64)


class EchoOutput(BaseModel):
    """What was said."""

    text: str


def echo_tool() -> Tool[EchoInput]:
    async def said(args: EchoInput) -> Mapping[str, Any]:
        return {"text": args.text}

    def run(args: EchoInput, _: Call) -> Immediate:
        return Immediate(lambda: said(args))

    return Tool(
        "echo", "Echo", "Repeat a text.", EchoInput, EchoOutput, run, quote=None, modality="account"
    )


@asynccontextmanager
async def door(folder: Path) -> AsyncIterator[ASGIApp]:
    """The MCP door over one tool, with everything that a call of the server passes through."""
    path = folder / "batchin.db"
    engine = create_engine(f"sqlite:///{path}")
    for schema in (tables.TABLES, TASKS):
        schema.create_all(engine)
    engine.dispose()
    store = await open_store(path, (TASKS,))
    clock = SystemClock()
    rails = Rails(_NoRail(), None, store.hopeful)
    invoker = Invoker(Registry([echo_tool()]), rails, clock, Observers(), Owner())
    served = McpDoor(
        McpParts(
            invoker=invoker,
            callers=Callers(_nobody, no_payment, clock, 60.0),
            settings=Settings.model_construct(),
            facts=Facts("1.0.0", f"http://{HOST}", ()),
            documents={},
            bundles=_no_bundle,
            files=_no_file,
            tasks=TaskBook(store, Sealer(b"p" * 32), clock, 60),
            task_times=TaskTimes(20.0),
        )
    )
    async with served.running():
        yield served
    await store.close()


@asynccontextmanager
async def high_level(stateless: bool) -> AsyncIterator[ASGIApp]:
    """The same tool on the SDK's decorator server."""
    server = MCPServer("echo", log_level="ERROR")

    @server.tool()
    async def echo(text: str) -> EchoOutput:
        """Repeat a text."""
        return EchoOutput(text=text)

    app = server.streamable_http_app(
        streamable_http_path="/v1/mcp",
        stateless_http=stateless,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    async with app.router.lifespan_context(app):
        yield app


def message(version: str) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The body and the headers of one call, as a client of that revision sends it."""
    params: dict[str, Any] = {"name": "echo", "arguments": {"text": "hello"}}
    headers = {
        "host": HOST,
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": version,
    }
    if version == VERSION:
        params["_meta"] = {
            PROTOCOL_VERSION_META_KEY: version,
            CLIENT_INFO_META_KEY: {"name": "bench", "version": "1"},
            CLIENT_CAPABILITIES_META_KEY: {},
        }
        headers |= {"mcp-method": "tools/call", "mcp-name": "echo"}
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    headers["content-length"] = str(len(body))
    return body, [(name.encode(), value.encode()) for name, value in headers.items()]


async def called(app: ASGIApp, body: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """One call: the bytes of its answer."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    answer: list[bytes] = []
    left = asyncio.Event()

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(sent: Message) -> None:
        answer.append(sent.get("body", b""))

    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "method": "POST",
        "path": "/v1/mcp",
        "raw_path": b"/v1/mcp",
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8402),
    }
    await app(scope, receive, send)
    left.set()
    return b"".join(answer)


async def turn(app: ASGIApp, version: str) -> float:
    """CPU microseconds of a call."""
    body, headers = message(version)
    answer = await called(app, body, headers)
    if b'"hello"' not in answer and b'\\"hello\\"' not in answer:
        raise RuntimeError(f"no echo: {answer[:400]!r}")
    began = time.process_time()
    for _ in range(CALLS):
        await called(app, body, headers)
    return (time.process_time() - began) * 1e6 / CALLS


async def main(console: Console) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = await stack.enter_async_context(door(folder))
        theirs = await stack.enter_async_context(high_level(stateless=True))
        subjects = {
            f"batchin, {VERSION}": (ours, VERSION),
            f"batchin, {LEGACY}": (ours, LEGACY),
            f"MCPServer, {VERSION}": (theirs, VERSION),
            f"MCPServer, {LEGACY}": (theirs, LEGACY),
        }
        seen: dict[str, list[float]] = {name: [] for name in subjects}
        for _ in range(TURNS):
            for name, (app, version) in subjects.items():
                seen[name].append(await turn(app, version))
    shown = Table(title="An MCP call of an echo tool, in process")
    shown.add_column("subject")
    for column in ("CPU us/call", "least", "times batchin"):
        shown.add_column(column, justify="right")
    for name, times in seen.items():
        ours_us = median(seen[f"batchin, {name.rpartition(' ')[2]}"])
        shown.add_row(
            name, f"{median(times):,.0f}", f"{min(times):,.0f}", f"{median(times) / ours_us:.1f}"
        )
    console.print(shown)


class _NoRail:
    async def authorize(self, order: Any) -> Any:
        raise AssertionError("a free tool is never paid")


def _nobody(token: str) -> Caller:
    raise AssertionError("nobody sends a key here")


async def _no_bundle(any_id: str) -> None:
    return None


async def _no_file(caller: Caller, file_id: str) -> Document:
    raise NotFound("File not found")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Console()))
