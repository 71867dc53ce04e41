"""The MCP door on a real socket, with the test pack behind it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import RequestParamsMeta

from base.caller import Caller
from base.clock import SystemClock
from base.errors import NotFound
from base.sealing import Sealer
from base.settings import Settings
from manifests.document import Document, text_document
from manifests.facts import Facts, ModelFact, PaymentFact
from server.guard import guarded
from server.mcp.door import McpDoor, McpParts
from server.mcp.task_times import TaskTimes
from server.web.caller import Callers
from storage.op import Store
from tests.contract.mcp.pack import Stage, TestRail, authenticate, pack
from tests.stores import fresh_store
from tools.invoke import Invoker
from tools.owner import Owner
from tools.tasks.book import TaskBook
from tools.tasks.tables import TABLES as TASKS

MODES = ("2026-07-28", "legacy")
TIMES = TaskTimes(patience_s=20)
SECRET = b"pepper" * 6


def facts(base_url: str) -> Facts:
    model = ModelFact("talker", "chat", "0.02", "0.08", 4096, "Apache-2.0", "talker")
    payment = PaymentFact("eip155:31337", "0x" + "11" * 20, "USDC", "2", "0x" + "22" * 20, 1)
    return Facts("1.2.3", base_url, [model], payment)


async def no_file(caller: Caller, file_id: str) -> Document:
    raise NotFound("File not found")


def door_of(
    stage: Stage, base_url: str, store: Store, times: TaskTimes = TIMES, **settings: Any
) -> McpDoor:
    clock = SystemClock()
    invoker = Invoker(pack(stage), TestRail(stage), clock, stage, Owner())
    documents: Mapping[str, Document] = {"/agents.md": text_document("# agents", "text/markdown")}

    async def bundles(any_id: str) -> Mapping[str, Any] | None:
        if any_id != "vaas_1":
            return None
        return {"receipt": {"record_id": any_id}, "evidence": {"record_id": any_id}}

    return McpDoor(
        McpParts(
            invoker=invoker,
            callers=Callers(authenticate, lambda head: None, clock, 30.0),
            settings=Settings(**settings),
            facts=facts(base_url),
            documents=documents,
            bundles=bundles,
            files=no_file,
            tasks=TaskBook(store, Sealer(SECRET), clock, 600),
            task_times=times,
        )
    )


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI app on a free port of loopback with the production protocol class."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=guarded(10.0), lifespan="off", log_config=None, ws="none")
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[sock])
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.force_exit = True
            await server.shutdown(sockets=[sock])


@dataclass(frozen=True)
class Live:
    """A served door, its inside, and clients of it."""

    url: str
    stage: Stage
    door: McpDoor

    @asynccontextmanager
    async def client(self, mode: str, key: str | None = None, **options: Any) -> AsyncIterator[Client]:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(self.url, http_client=http)
            async with Client(transport, mode=mode, **options) as client:
                yield client

    async def post(self, body: Any, **headers: str) -> httpx2.Response:
        sent = {"accept": "application/json, text/event-stream"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        async with httpx2.AsyncClient(timeout=60) as http:
            if isinstance(body, bytes):
                sent["content-type"] = "application/json"
                return await http.post(self.url, content=body, headers=sent)
            return await http.post(self.url, json=body, headers=sent)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def live(stage: Stage, tmp_path: Path) -> AsyncIterator[Live]:
    opened: asyncio.Future[Live] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def serve() -> None:  # one task enters and leaves: fixtures are torn down in another
        async with fresh_store(tmp_path, TASKS) as store:
            door = door_of(stage, "http://batchin.test", store)
            async with door.running(), served(door) as url:
                opened.set_result(Live(url + "/v1/mcp", stage, door))
                await done.wait()

    task = asyncio.create_task(serve())
    await asyncio.wait((opened, task), return_when=asyncio.FIRST_COMPLETED)
    yield opened.result()
    done.set()
    await task


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def eventually(check: Callable[[], bool], within_s: float = 60) -> None:
    """Poll until a condition holds."""
    async with asyncio.timeout(within_s):
        while not check():  # noqa: ASYNC110 - what is awaited has no event
            await asyncio.sleep(0.005)


def paying(payment: Any) -> RequestParamsMeta:
    """The ``_meta`` of a call that carries an x402 payment."""
    return cast("RequestParamsMeta", {"x402/payment": payment})
