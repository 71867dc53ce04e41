"""A stream whose first event is late: its head leaves, comments keep it alive, errors are in band."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.types import Message

from base.caller import ANONYMOUS
from base.clock import SystemClock
from base.errors import BatchinError, EngineError
from base.pricing import PriceCard, Quote
from base.resource import Resource
from base.usage import Usage
from server.openai.chat import ChatDoor
from server.web.caller import Callers
from server.web.company import Patience
from settlement.rail import Order, Outcome, Served, Settled, Terms, Upfront
from tools.core import Registry, Result, Tool
from tools.invoke import Invoker
from tools.observe import CallReport
from tools.owner import Owner


class Anything(BaseModel):
    stream: bool = False
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
        return Result({"choices": [choice], "usage": {}}, Usage(1, 1), "sha256:0")

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
    """Everything that was sent, and a way to wait for it."""

    def __init__(self, slow: Slow) -> None:
        tool = Tool(
            name="chat",
            title="Chat",
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
        where = Resource("http://testserver/v1/chat/completions", "Chat")
        self._door = ChatDoor(
            invoker, callers, where, 10_000, 5, lambda: "ed25519:pk_0", patience=Patience(0.01, 0.01)
        )
        self._news = asyncio.Event()
        self.heads: list[Message] = []
        self.body = b""

    async def serve(self) -> None:
        async def receive() -> Message:
            if asked:
                return asked.pop()
            await asyncio.Event().wait()
            raise AssertionError

        asked: list[Message] = [
            {"type": "http.request", "body": orjson.dumps({"stream": True, "model": "tiny"})}
        ]
        scope = {"type": "http", "headers": [], "query_string": b"", "path": "/"}
        await self._door(scope, receive, self._send)

    async def until(self, text: bytes) -> None:
        async with asyncio.timeout(10):
            while text not in self.body:
                self._news.clear()
                await self._news.wait()

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.heads.append(message)
        else:
            self.body += message["body"]
        self._news.set()


async def test_the_head_leaves_and_comments_follow_until_the_first_event() -> None:
    slow = Slow()
    slow.pay.set()
    sent = Sent(slow)
    serving = asyncio.create_task(sent.serve())
    await sent.until(b": ping\n\n: ping\n\n")
    slow.go.set()
    await asyncio.wait_for(serving, 10)
    assert [head["status"] for head in sent.heads] == [200]
    told = dict(sent.heads[0]["headers"])
    assert told[b"content-type"].startswith(b"text/event-stream")
    assert b"x-batchin-served-model" not in told  # nobody knows yet
    answer = sent.body.replace(b": ping\n\n", b"")
    assert answer.startswith(b'data: {"id":"chatcmpl_')
    assert answer.endswith(b"data: [DONE]\n\n")


async def test_what_fails_after_the_head_left_is_told_in_band() -> None:
    slow = Slow(error=EngineError("The engine went away."))
    slow.pay.set()
    sent = Sent(slow)
    serving = asyncio.create_task(sent.serve())
    await sent.until(b": ping\n\n")
    slow.go.set()
    await asyncio.wait_for(serving, 10)
    assert [head["status"] for head in sent.heads] == [200]
    told = orjson.loads(sent.body.replace(b": ping\n\n", b"").removeprefix(b"data: "))
    assert told["error"]["code"] == "engine_error"


async def test_no_head_leaves_before_the_call_is_paid() -> None:
    slow = Slow(error=EngineError("The engine went away."))
    slow.go.set()
    sent = Sent(slow)
    serving = asyncio.create_task(sent.serve())
    done, _ = await asyncio.wait({serving}, timeout=0.1)
    assert not done
    assert sent.heads == []
    slow.pay.set()
    await asyncio.wait_for(serving, 10)
    assert [head["status"] for head in sent.heads] == [502]
