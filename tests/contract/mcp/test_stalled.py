"""A reader of progress who takes nothing more: the call is cut, whichever way it came."""

import asyncio
from pathlib import Path
from typing import Any, cast

import anyio
import orjson
import pytest
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY
from starlette.types import Message

from server.mcp import exchange
from server.web.wire import WIRE, Wire
from tests.contract.mcp.conftest import door_of, eventually
from tests.contract.mcp.pack import KEY, Stage
from tests.stores import fresh_store
from tools.tasks.tables import TABLES as TASKS

MODERN, HANDSHAKE = "2026-07-28", "2025-11-25"
HEADERS = {
    "host": "127.0.0.1",
    "accept": "application/json, text/event-stream",
    "content-type": "application/json",
    "mcp-method": "tools/call",
    "mcp-name": "talk",
    "authorization": f"Bearer {KEY}",
}


def scope(version: str, reader: "Stalled", *, long: bool) -> dict[str, Any]:
    headers = HEADERS | {"mcp-protocol-version": version}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    more = [(b"x-more", b"1"), (b"x-more", b"2")] if long else []
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/mcp",
        "query_string": b"",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "headers": raw + more,
        "state": {WIRE: Wire(reader, cast("Any", reader))},
    }


class Stalled:
    """A connection that takes the head of the answer and nothing after it."""

    def __init__(self, body: bytes) -> None:
        self._body: list[bytes] = [body]
        self.sent: list[str] = []
        self.write_paused = False
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    async def receive(self) -> Message:
        if self._body:
            return {"type": "http.request", "body": self._body.pop(), "more_body": False}
        return await asyncio.Future()

    async def send(self, message: Message) -> None:
        self.sent.append(message["type"])
        if self.write_paused:
            await asyncio.Future()
        self.write_paused = len(self.sent) == 2


def call(version: str, **meta: Any) -> bytes:
    if version == MODERN:
        meta |= {PROTOCOL_VERSION_META_KEY: version, CLIENT_CAPABILITIES_META_KEY: {}}
    arguments = {"words": ["one ", "two ", "three "], "hang": True}
    params = {"name": "talk", "arguments": arguments, "_meta": meta}
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


@pytest.mark.parametrize("version", [MODERN, HANDSHAKE])
@pytest.mark.parametrize("long", [False, True], ids=["short way", "SDK"])
async def test_a_reader_who_stalls_on_progress_is_cut(tmp_path: Path, version: str, long: bool) -> None:
    stage = Stage()
    reader = Stalled(call(version, progressToken="p"))
    async with fresh_store(tmp_path, TASKS) as store:
        door = door_of(stage, "http://127.0.0.1", store, send_timeout_s=0.05)
        async with door.running():
            serving = asyncio.create_task(
                door(scope(version, reader, long=long), reader.receive, reader.send)
            )
            await eventually(lambda: len(reader.sent) == 2)
            stage.gate.set()
            stage.gate.clear()
            await eventually(stage.aborted.is_set)
            with anyio.fail_after(60):
                await serving
    assert reader.aborted  # closed alone, the connection would wait for its reader for ever


async def test_a_reader_who_stalls_on_pings_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "PING_S", 0.01)
    stage = Stage()
    reader = Stalled(call(HANDSHAKE))
    async with fresh_store(tmp_path, TASKS) as store:
        door = door_of(stage, "http://127.0.0.1", store, send_timeout_s=0.05)
        async with door.running():
            with anyio.fail_after(60):
                await door(scope(HANDSHAKE, reader, long=False), reader.receive, reader.send)
    assert stage.aborted.is_set()
    assert reader.aborted
