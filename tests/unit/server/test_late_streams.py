"""A stream whose first event is late: its head leaves, comments keep it alive, errors are in band."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from pydantic import BaseModel
from starlette.types import ASGIApp, Message

from base.caller import ANONYMOUS
from base.clock import SystemClock
from base.errors import BatchinError, EngineError
from base.pricing import PriceCard, Quote
from base.resource import Resource
from base.usage import Usage
from server.openai.chat import ChatDoor
from server.openai.responses import ResponsesDoor
from server.openai.sound_door import SoundDoor
from server.openai.sound_parts import heard_parts, spoken_parts
from server.openai.whole_door import WholeDoor
from server.web.caller import Callers
from server.web.company import Patience
from settlement.rail import Order, Outcome, Served, Settled, Terms, Upfront
from tools.core import Registry, Result, Tool
from tools.invoke import Invoker
from tools.observe import CallReport
from tools.owner import Owner

ASKED = {"stream": True, "model": "tiny"}
PATIENCE = Patience(0.01, 0.01)
DOORS = ("chat", "respond", "transcribe", "speech")
NO_BACKGROUND: Any = None  # nothing is made later here


class Anything(BaseModel):
    model: str = "tiny"


@dataclass
class Slow:
    """An engine whose first event comes when it is let go, and a rail that takes any call."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    pay: asyncio.Event = field(default_factory=asyncio.Event)
    error: BatchinError | None = None
    upfront: Upfront | None = None

    def reserve(self) -> None: ...

    async def start(self) -> Served:
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return Served("tiny-1", "", "slow", "")

    async def events(self) -> AsyncIterator[Any]:
        return
        yield  # makes it a generator

    def result(self) -> Result:
        choice = {"index": 0, "message": {"content": ""}, "logprobs": None, "finish_reason": "stop"}
        output = {
            "choices": [choice],
            "usage": {},
            "status": "completed",
            "text": "",
            "characters": 1,
            "audio": "",
            "duration_ms": 1,
        }
        return Result(output, Usage(1, 1), "sha256:0")

    async def close(self) -> None: ...

    @property
    def terms(self) -> Terms:
        return Terms("balance", "acct_0")

    async def authorize(self, order: Order) -> "Slow":
        await self.pay.wait()
        return self

    async def capture(self, outcome: Outcome) -> Settled:
        named = ("record_id", "signature", "public_key", "payload_hash")
        return Settled(1, dict.fromkeys(named, "x"), {})

    async def release(self) -> None: ...

    def call_ended(self, report: CallReport) -> None: ...


class Sent:
    """Everything that the door of a tool sent, and a way to wait for it."""

    def __init__(self, slow: Slow, tool: str = "chat", **asked: Any) -> None:
        self._door = door_of(tool, slow)
        self._asked = {**ASKED, "stream_format": "sse", **asked}
        self._news = asyncio.Event()
        self.reads = asyncio.Event()  # cleared, the reader has not taken the answer before this one
        self.reads.set()
        self.heads: list[Message] = []
        self.body = b""

    @property
    def told(self) -> bytes:
        """The body without comments."""
        return self.body.replace(b": ping\n\n", b"")

    async def serve(self) -> None:
        async def receive() -> Message:
            if asked:
                return asked.pop()
            await asyncio.Event().wait()
            raise AssertionError

        asked: list[Message] = [{"type": "http.request", "body": orjson.dumps(self._asked)}]
        scope = {"type": "http", "method": "POST", "headers": [], "query_string": b"", "path": "/"}
        await self._door(scope, receive, self._send)

    async def until(self, text: bytes) -> None:
        async with asyncio.timeout(60):
            while text not in self.body:
                self._news.clear()
                await self._news.wait()

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.heads.append(message)
        else:
            self.body += message["body"]
        self._news.set()


def door_of(name: str, slow: Slow) -> ASGIApp:
    """The door of a tool that runs on the slow engine."""
    tool = Tool(
        name=name,
        title="Wait",
        description="Waits.",
        Input=Anything,
        Output=Anything,
        run=lambda args, call: slow,
        quote=lambda args: Quote("tiny", PriceCard("v1", 1, 1), Usage(1, 1)),
        modality="chat",
    )
    clock = SystemClock()
    invoker = Invoker(Registry([tool]), slow, clock, slow, Owner())
    callers = Callers(lambda token: ANONYMOUS, lambda head: None, clock, 30)
    parts = (invoker, callers, Resource("http://testserver/", "Wait"), 10_000, 5)
    match name:
        case "chat":
            return ChatDoor(*parts, key, patience=PATIENCE)
        case "respond":
            return ResponsesDoor(*parts, key, NO_BACKGROUND, PATIENCE)
        case "transcribe":
            return SoundDoor(WholeDoor(name, *parts), heard_parts, key, PATIENCE)
        case _:
            return SoundDoor(WholeDoor(name, *parts), spoken_parts, key, PATIENCE)


def key() -> str:
    return "ed25519:pk_0"


@pytest.mark.parametrize("tool", DOORS)
async def test_the_head_leaves_and_comments_follow_until_the_first_event(tool: str) -> None:
    slow = Slow()
    slow.pay.set()
    sent = Sent(slow, tool)
    serving = asyncio.create_task(sent.serve())
    await sent.until(b": ping\n\n: ping\n\n")
    slow.go.set()
    await asyncio.wait_for(serving, 60)
    assert [head["status"] for head in sent.heads] == [200]
    told = dict(sent.heads[0]["headers"])
    assert told[b"content-type"].startswith(b"text/event-stream")
    assert told[b"x-vaas-publickey"] == b"ed25519:pk_0"
    assert b"x-batchin-served-model" not in told  # nobody knows yet
    *_, last = [line for line in sent.told.splitlines() if line.startswith(b"data: {")]
    closing = orjson.loads(last.removeprefix(b"data: "))
    assert closing.get("response", closing)["vaas"]["record_id"] == "x"
    if tool == "chat":
        assert sent.told.startswith(b'data: {"id":"chatcmpl_')
        assert sent.told.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("tool", DOORS)
async def test_what_fails_after_the_head_left_is_told_in_band(tool: str) -> None:
    slow = Slow(error=EngineError("The engine went away."))
    slow.pay.set()
    sent = Sent(slow, tool)
    serving = asyncio.create_task(sent.serve())
    await sent.until(b": ping\n\n")
    slow.go.set()
    await asyncio.wait_for(serving, 60)
    assert [head["status"] for head in sent.heads] == [200]
    named, _, data = sent.told.rpartition(b"data: ")
    told = orjson.loads(data)
    if tool == "respond":
        assert named == b"event: error\n"
        assert (told["type"], told["sequence_number"]) == ("error", 0)
        assert told["message"] == "The engine went away."
    assert told.get("error", told)["code"] == "engine_error"


@pytest.mark.parametrize("tool", DOORS)
async def test_no_head_leaves_before_the_call_is_paid(tool: str) -> None:
    slow = Slow(error=EngineError("The engine went away."))
    slow.go.set()
    sent = Sent(slow, tool)
    serving = asyncio.create_task(sent.serve())
    done, _ = await asyncio.wait({serving}, timeout=0.1)
    assert not done
    assert sent.heads == []
    slow.pay.set()
    await asyncio.wait_for(serving, 60)
    assert [head["status"] for head in sent.heads] == [502]


@pytest.mark.parametrize("tool", DOORS)
async def test_a_head_that_waits_for_its_reader_when_the_first_event_comes_is_sent_once(
    tool: str,
) -> None:
    slow = Slow()
    slow.pay.set()
    sent = Sent(slow, tool)
    sent.reads.clear()
    serving = asyncio.create_task(sent.serve())
    await asyncio.wait({serving}, timeout=0.1)  # the head is late, and on its way
    slow.go.set()
    await asyncio.wait({serving}, timeout=0.05)
    sent.reads.set()
    await asyncio.wait_for(serving, 60)
    assert [head["status"] for head in sent.heads] == [200]
    assert b"vaas" in sent.told


async def test_bare_bytes_have_no_place_for_comments_so_their_head_waits() -> None:
    slow = Slow(error=EngineError("The engine went away."))
    slow.pay.set()
    sent = Sent(slow, "speech", stream_format="audio")
    serving = asyncio.create_task(sent.serve())
    done, _ = await asyncio.wait({serving}, timeout=0.1)
    assert not done
    assert sent.heads == []
    slow.go.set()
    await asyncio.wait_for(serving, 60)
    assert [head["status"] for head in sent.heads] == [502]
