"""A test-only tool pack and rail: the production door and core, without engines and money."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from base.caller import Caller, CallerKind
from base.errors import BatchinError, EngineError, Unauthorized
from base.pricing import PriceCard, Quote
from base.usage import Usage
from runtime.engine import Delta
from settlement.rail import Delivery, Grant, Order, Outcome, Replay, Served, Settled, Terms, Upfront
from tools.core import Annotations, AnyTool, Call, Registry, Result, Tool
from tools.immediate import Immediate
from tools.observe import CallReport

KEY = "batchin_api_" + "k" * 40
OTHER_KEY = "batchin_api_" + "o" * 40
CARD = PriceCard("test-1", 20_000_000, 80_000_000)
CHALLENGE: Mapping[str, Any] = {
    "x402Version": 2,
    "error": "Payment required",
    "resource": {"url": "mcp://tool/talk", "description": "Talk", "mimeType": "application/json"},
    "accepts": [
        {
            "scheme": "exact",
            "network": "eip155:31337",
            "amount": "1000",
            "asset": "0x" + "11" * 20,
            "payTo": "0x" + "22" * 20,
            "maxTimeoutSeconds": 300,
            "extra": {"name": "USDC", "version": "2"},
        }
    ],
}
SETTLEMENT = {"success": True, "transaction": "0x" + "ab" * 32, "network": "eip155:31337"}
EVIDENCE = {"record_id": "vaas_1", "payload": {}, "signature": "ed25519:00"}
RECEIPT = {"record_id": "vaas_1", "receipt_payload": {}}


class Challenged(BatchinError):
    """What the x402 rail raises: an error that carries a challenge."""

    code = "payment_required"
    status = 402
    type = "insufficient_quota"

    def __init__(self, challenge: Mapping[str, Any]) -> None:
        super().__init__("Payment required.")
        self.challenge = challenge


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EchoInput(Strict):
    text: str = Field(min_length=1, max_length=16)


class EchoOutput(BaseModel):
    text: str
    note: str | None


class TalkInput(Strict):
    words: list[str] = Field(min_length=1)
    fail: bool = False
    hang: bool = False


class TalkOutput(BaseModel):
    text: str


class ModelsInput(Strict):
    pass


class ModelsOutput(BaseModel):
    object: str
    data: list[dict[str, Any]]


@dataclass
class Stage:
    """What the tests see of the inside: the runs, their aborts, what was charged."""

    running: asyncio.Event = field(default_factory=asyncio.Event)
    aborted: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    captured: list[Outcome] = field(default_factory=list)
    released: int = 0
    orders: list[Order] = field(default_factory=list)
    reports: list[CallReport] = field(default_factory=list)
    upfront: bool = False
    available: bool = True

    def call_ended(self, report: CallReport) -> None:
        self.reports.append(report)


class Talk:
    """Says its words one by one; ``hang`` waits for ever after the first."""

    def __init__(self, args: TalkInput, stage: Stage) -> None:
        self._args = args
        self._stage = stage
        self._said: list[str] = []

    def reserve(self) -> None: ...

    async def start(self) -> Served:
        self._stage.running.set()
        return Served("talker", "r1", "test", "1")

    async def events(self) -> AsyncIterator[Delta]:
        for word in self._args.words:
            self._said.append(word)
            yield Delta(0, word)
            await asyncio.sleep(0)
            if self._args.fail:
                raise EngineError("The engine went away while it worked on this call.")
            if self._args.hang:
                await self._stage.gate.wait()

    def result(self) -> Result:
        return Result({"text": "".join(self._said)}, Usage(1, len(self._said)), "sha256:00")

    async def close(self) -> None:
        if len(self._said) < len(self._args.words):
            self._stage.aborted.set()


class TestRail:
    """Accounts pay, a payment that names the test's amount pays, everybody else is challenged."""

    __test__ = False

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def authorize(self, order: Order) -> Grant | Replay:
        self._stage.orders.append(order)
        if order.caller.account_id is not None:
            return TestGrant(self._stage, None)
        if order.payment is None or order.payment["accepted"]["amount"] != "1000":
            raise Challenged(CHALLENGE)
        upfront = Upfront(SETTLEMENT, "token-1") if order.delivery is Delivery.STREAM else None
        return TestGrant(self._stage, upfront, SETTLEMENT)


class TestGrant:
    __test__ = False
    terms = Terms("x402", "0x00")

    def __init__(
        self, stage: Stage, upfront: Upfront | None, settlement: Mapping[str, Any] | None = None
    ) -> None:
        self._stage = stage
        self._settlement = settlement
        self.upfront = upfront

    async def capture(self, outcome: Outcome) -> Settled:
        self._stage.captured.append(outcome)
        token = "token-1" if self._settlement else None
        charged = outcome.quote.charge_nano_usd(outcome.usage)
        return Settled(charged, EVIDENCE, RECEIPT, self._settlement, 910_000, token)

    async def release(self) -> None:
        self._stage.released += 1


def pack(stage: Stage) -> Registry:
    """echo and models are free, talk is paid."""

    async def models() -> Mapping[str, Any]:
        return {"object": "list", "data": [{"id": "talker"}]}

    tools: list[AnyTool] = [
        Tool(
            name="echo",
            title="Echo",
            description="Say it back.",
            Input=EchoInput,
            Output=EchoOutput,
            run=lambda args, call: Immediate(_later({"text": args.text, "note": None})),
            quote=None,
            modality="none",
            annotations=Annotations(read_only=True, idempotent=True, open_world=False),
            examples=({"text": "hello"},),
            aliases=("parrot",),
        ),
        Tool(
            name="talk",
            title="Talk",
            description="Say the words. Paid.",
            Input=TalkInput,
            Output=TalkOutput,
            run=lambda args, call: Talk(args, stage),
            quote=lambda args: Quote("talker", CARD, Usage(100, 100)),
            modality="chat",
            examples=({"words": ["a", "b"]},),
            available=lambda: stage.available,
        ),
        Tool(
            name="models",
            title="Models",
            description="The catalog.",
            Input=ModelsInput,
            Output=ModelsOutput,
            run=lambda args, call: Immediate(models),
            quote=None,
            modality="none",
        ),
    ]
    return Registry(tools)


def authenticate(token: str) -> Caller:
    """Knows two keys, of two accounts."""
    if token not in (KEY, OTHER_KEY):
        raise Unauthorized
    number = "1" if token == KEY else "2"
    return Caller(CallerKind.ACCOUNT, f"acct_{number}", f"key_{number}")


def _later(output: Mapping[str, Any]) -> Callable[[], Any]:
    async def answer() -> Mapping[str, Any]:
        return output

    return answer


__all__ = ["CHALLENGE", "KEY", "OTHER_KEY", "Call", "Stage", "TestRail", "authenticate", "pack"]
