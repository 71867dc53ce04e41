"""The production door with the suite's fixtures behind it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import mcp_types as types
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import PromptsListChanged

from base.clock import SystemClock
from base.sealing import Sealer
from base.settings import Settings
from manifests.document import text_document
from manifests.resources import DOCUMENTS
from server.mcp.door import McpDoor, McpParts
from server.mcp.protocol import Protocol
from server.mcp.task_times import TaskTimes
from server.web.caller import Callers
from storage.op import Store
from tests.contract.mcp.conformance.asking import GATHERING, AskingCalls, AskingList
from tests.contract.mcp.conformance.documents import add_documents
from tests.contract.mcp.conformance.task_tools import task_tools
from tests.contract.mcp.conformance.tools import fixture_tools
from tests.contract.mcp.conftest import facts, no_file
from tests.contract.mcp.pack import Stage, TestRail, authenticate
from tools.core import Registry
from tools.invoke import Invoker
from tools.owner import Owner
from tools.tasks.book import TaskBook

POLL_S = 0.02
SECRET = b"conformance-conformance-conforma"  # every worker opens what another one sealed


@dataclass(frozen=True, slots=True)
class Signal:
    """What all workers of a server can see: here a file, there the health of an engine."""

    file: Path

    async def give(self) -> None:
        self.file.write_text(uuid4().hex)

    async def watch(self, seen: Callable[[], Awaitable[None]]) -> None:
        before = self._state()
        while True:
            await asyncio.sleep(POLL_S)
            if self._state() != before:
                before = self._state()
                await seen()

    def _state(self) -> str:
        return self.file.read_text() if self.file.exists() else ""


class FixtureDoor(McpDoor):
    """Tools go through the production core; what no tool of ours does is added to its protocol."""

    def __init__(self, base_url: str, folder: Path, store: Store) -> None:
        stage, clock = Stage(), SystemClock()
        self._tools = Signal(folder / "tools.changed")
        self._prompts = Signal(folder / "prompts.changed")
        registry = Registry([*fixture_tools(self._tools.give, self._prompts.give), *task_tools()])

        async def bundles(any_id: str) -> Mapping[str, Any] | None:
            return None

        super().__init__(
            McpParts(
                invoker=Invoker(registry, TestRail(stage), clock, stage, Owner()),
                callers=Callers(authenticate, lambda head: None, clock, 30.0),
                settings=Settings(),
                facts=facts(base_url),
                documents={path: text_document(path, "text/plain") for path in DOCUMENTS.values()},
                bundles=bundles,
                files=no_file,
                tasks=TaskBook(store, Sealer(SECRET), clock, 600),
                task_times=TaskTimes(patience_s=0.3, watch_s=0.05, recover_s=0.2),
            )
        )

    async def watch(self) -> None:
        """Tell this worker's subscribers of changes, whichever worker was asked to make them."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tools.watch(self.tools_changed))
            group.create_task(self._prompts.watch(self._prompts_changed))

    async def _prompts_changed(self) -> None:
        if self._protocol is not None:
            await self._protocol.bus.publish(PromptsListChanged())

    def _build(self) -> Protocol:
        protocol = super()._build()
        server = protocol.server
        call, listing = (
            server.get_request_handler("tools/call"),
            server.get_request_handler("tools/list"),
        )
        assert call is not None
        assert listing is not None
        server.add_request_handler("tools/call", types.CallToolRequestParams, AskingCalls(call))
        server.add_request_handler("tools/list", types.PaginatedRequestParams, AskingList(listing))
        add_documents(server)
        security = RequestStateSecurity(keys=[SECRET])
        server.middleware.append(RequestStateBoundary(security, default_audience=server.name))
        names = protocol.exchanges.names - {GATHERING}  # it asks before it is called
        return replace(protocol, exchanges=replace(protocol.exchanges, names=names))
