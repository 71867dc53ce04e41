"""Calls that were paid and failed: no SDK may repeat them by itself, and money that moved is told."""

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from base.caller import ANONYMOUS
from base.clock import SystemClock
from base.errors import EngineError
from base.pricing import PriceCard, Quote
from base.resource import Resource
from base.usage import Usage
from server.openai.chat import ChatDoor
from server.openai.whole_door import WholeDoor
from server.web.caller import Callers
from settlement.rail import Order, Outcome, Served, Settled, Terms, Upfront
from tools.core import Registry, Result, Tool
from tools.invoke import Invoker
from tools.observe import CallReport
from tools.owner import Owner

UPFRONT = Upfront({"success": True, "transaction": "0xab"}, "batchin_wallet_token")
RESOURCE = Resource("http://testserver/v1/chat/completions", "Chat")


class Anything(BaseModel):
    stream: bool = False


class Broken:
    """An engine that went away."""

    def reserve(self) -> None: ...

    async def start(self) -> Served:
        raise EngineError("The engine went away.")

    async def events(self) -> AsyncIterator[Any]:
        yield

    def result(self) -> Result:
        return Result({}, Usage(), "sha256:0")

    async def close(self) -> None: ...


@dataclass
class Paid:
    """A rail that takes any payment, before the run where it is told so."""

    upfront: Upfront | None
    released: int = 0

    @property
    def terms(self) -> Terms:
        return Terms("x402", "0x00")

    async def authorize(self, order: Order) -> "Paid":
        return self

    async def capture(self, outcome: Outcome) -> Settled:
        raise AssertionError("nothing is to be captured")

    async def release(self) -> None:
        self.released += 1


class Nobody:
    def call_ended(self, report: CallReport) -> None: ...


def client_of(rail: Paid, payment: Mapping[str, Any] | None, *, whole: bool) -> TestClient:
    tool = Tool(
        name="chat",
        title="Chat",
        description="Fails.",
        Input=Anything,
        Output=Anything,
        run=lambda args, call: Broken(),
        quote=lambda args: Quote("tiny", PriceCard("v1", 1, 1), Usage(1, 1)),
        modality="chat",
    )
    clock = SystemClock()
    invoker = Invoker(Registry([tool]), rail, clock, Nobody(), Owner())
    callers = Callers(lambda token: ANONYMOUS, lambda head: payment, clock, 5)
    app: ASGIApp
    if whole:
        app = WholeDoor("chat", invoker, callers, RESOURCE, 10_000, 5)
    else:
        app = ChatDoor(invoker, callers, RESOURCE, 10_000, 5, lambda: "ed25519:pk_0")
    return TestClient(app)


@pytest.mark.parametrize("whole", [True, False])
def test_a_failed_call_that_was_paid_is_not_repeated(whole: bool) -> None:
    rail = Paid(upfront=None)
    answer = client_of(rail, {"x402Version": 2}, whole=whole).post("/", json={})
    assert answer.status_code == 502
    assert answer.headers["x-should-retry"] == "false"
    assert rail.released == 1


def test_a_failed_call_that_was_not_paid_may_be_repeated() -> None:
    answer = client_of(Paid(upfront=None), None, whole=False).post("/", json={})
    assert "x-should-retry" not in answer.headers


def test_a_stream_that_was_paid_and_failed_tells_where_the_money_is() -> None:
    rail = Paid(UPFRONT)
    answer = client_of(rail, {"x402Version": 2}, whole=False).post("/", json={"stream": True})
    assert answer.status_code == 502
    assert answer.headers["x-batchin-access-token"] == "batchin_wallet_token"
    assert orjson.loads(base64.b64decode(answer.headers["payment-response"])) == UPFRONT.settlement
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["x-should-retry"] == "false"
