"""A node in front of the node: it loses requests or answers when the test says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import orjson
from aiohttp import web

BEFORE = "before"
AFTER = "after"


@dataclass
class FaultyNode:
    """``lose[method]``: BEFORE drops the request, AFTER carries it out and drops the answer.

    ``seen`` counts the requests of each method that reached the node, ``lost`` those that did not.
    """

    target: str
    url: str = ""
    lose: dict[str, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        method = str(orjson.loads(body)["method"])
        fault = self.lose.get(method)
        if fault == BEFORE:
            self.lost[method] = self.lost.get(method, 0) + 1
            return self._cut(request)
        self.seen[method] = self.seen.get(method, 0) + 1
        headers = {"Content-Type": "application/json"}
        async with aiohttp.request("POST", self.target, data=body, headers=headers) as answer:
            raw = await answer.read()
        if fault == AFTER:
            return self._cut(request)
        return web.Response(body=raw, content_type="application/json")

    def _cut(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


@asynccontextmanager
async def faulty_node(target: str) -> AsyncIterator[FaultyNode]:
    node = FaultyNode(target)
    app = web.Application()
    app.router.add_post("/", node.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        node.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield node
    finally:
        await runner.cleanup()
