"""A reader of a streamed response who takes nothing: he is cut, his connection with him."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import orjson
from pydantic import BaseModel
from starlette.types import Message

from base.caller import ANONYMOUS
from base.clock import SystemClock
from base.pricing import PriceCard, Quote
from base.resource import Resource
from base.usage import Usage
from server.openai.responses import TOOL, ResponsesDoor
from server.web.caller import Callers
from server.web.outbox import HELD_MAX
from server.web.wire import WIRE, Wire
from settlement.rail import Order, Outcome, Served, Settled, Terms, Upfront
from tools.core import Registry, Result, Tool
from tools.invoke import Invoker
from tools.observe import CallReport
from tools.owner import Owner

PIECE = "x" * 10_000
NO_BACKGROUND: Any = None  # nothing is made later here


class Anything(BaseModel):
    stream: bool = False


class Talking:
    """An engine that never ends, a rail that takes any call, and a reader who takes the head alone."""

    def __init__(self) -> None:
        self.told = 0
        self.upfront: Upfront | None = None
        self.closed = False
        self.captured: list[Outcome] = []
        self.sent: list[Message] = []
        self.write_paused = False
        self.aborted = False

    def reserve(self) -> None: ...

    async def start(self) -> Served:
        return Served("tiny-1", "", "talking", "")

    async def events(self) -> AsyncIterator[Any]:
        while True:
            yield {"type": "response.output_text.delta", "sequence_number": self.told, "delta": PIECE}
            self.told += 1
            await asyncio.sleep(0)

    def result(self) -> Result:
        return Result({"status": "incomplete"}, Usage(1, self.told), "sha256:0")

    async def close(self) -> None:
        self.closed = True

    @property
    def terms(self) -> Terms:
        return Terms("balance", "acct_0")

    async def authorize(self, order: Order) -> "Talking":
        return self

    async def capture(self, outcome: Outcome) -> Settled:
        self.captured.append(outcome)
        return Settled(1, {}, {})

    async def release(self) -> None: ...

    def call_ended(self, report: CallReport) -> None: ...

    def abort(self) -> None:
        self.aborted = True

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body":
            self.write_paused = True
            await asyncio.Event().wait()


async def cut_within(send_timeout_s: float) -> Talking:
    talking = Talking()
    tool = Tool(
        name=TOOL,
        title="Respond",
        description="Talks.",
        Input=Anything,
        Output=Anything,
        run=lambda args, call: talking,
        quote=lambda args: Quote("tiny", PriceCard("v1", 1, 1), Usage(1, 1)),
        modality="chat",
    )
    clock = SystemClock()
    invoker = Invoker(Registry([tool]), talking, clock, talking, Owner())
    callers = Callers(lambda token: ANONYMOUS, lambda head: None, clock, 30)
    where = Resource("http://testserver/v1/responses", "Responses")
    key = "ed25519:pk_0"
    parts = (invoker, callers, where, 10_000, send_timeout_s, lambda: key)
    door = ResponsesDoor(*parts, NO_BACKGROUND)
    asked = [{"type": "http.request", "body": orjson.dumps({"stream": True})}]

    async def receive() -> Message:
        return asked.pop() if asked else await asyncio.Future()

    wire = Wire(talking, cast("Any", talking))
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    await asyncio.wait_for(door({**scope, "state": {WIRE: wire}}, receive, talking.send), 60)
    return talking


async def test_who_is_too_far_behind_is_cut_and_pays_for_what_was_generated() -> None:
    talking = await cut_within(60)
    assert HELD_MAX // 2 < talking.told * len(PIECE) <= HELD_MAX + 2 * len(PIECE)
    assert (talking.closed, talking.aborted) == (True, True)
    assert [outcome.usage.output_tokens for outcome in talking.captured] == [talking.told]
    assert len([message for message in talking.sent if message["type"] == "http.response.body"]) == 1
