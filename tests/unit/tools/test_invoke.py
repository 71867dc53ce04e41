"""The one path: what is charged, released and told, however a call ends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from base.caller import ANONYMOUS
from base.clock import SystemClock
from base.errors import (
    BatchinError,
    ChargeUnconfirmed,
    DeadlineExceeded,
    EngineError,
    EngineOverloaded,
    InsufficientFunds,
    InternalError,
    InvalidRequest,
    NotFound,
)
from base.ids import new_run_id
from base.pricing import PriceCard, Quote
from base.resource import Resource
from base.trace import trace_from
from base.usage import Usage
from settlement.rail import Delivery, Order, Outcome, Replay, RunStatus, Served, Settled, Terms, Upfront
from tools.core import Call, Registry, Result, Tool
from tools.invoke import Invoker
from tools.lasting import LastingRail
from tools.observe import CallReport
from tools.owner import Owner

CARD = PriceCard("v1", 1_000_000, 2_000_000)
SERVED = Served("tiny", "r1", "scripted", "1")


class Words(BaseModel):
    model_config = ConfigDict(extra="forbid")
    words: list[str]


class Said(BaseModel):
    said: str


@dataclass
class Script:
    """How the scripted engine behaves."""

    fault_after: int | None = None
    fault: BatchinError = field(default_factory=lambda: EngineError("The engine went away."))
    refuse: BatchinError | None = None
    hang_after: int | None = None
    garbage: Any = None
    untold: bool = False
    closed: int = 0
    hung: asyncio.Event = field(default_factory=asyncio.Event)


class Scripted:
    """Says its words one by one, as the script tells."""

    def __init__(self, script: Script, words: list[str]) -> None:
        self._script = script
        self._words = words
        self._said: list[str] = []

    def reserve(self) -> None:
        if self._script.refuse is not None:
            raise self._script.refuse

    async def start(self) -> Served:
        return SERVED

    async def events(self) -> AsyncIterator[str]:
        for count, word in enumerate(self._words):
            if count == self._script.fault_after:
                raise self._script.fault
            if count == self._script.hang_after:
                self._script.hung.set()
                await asyncio.Event().wait()
            self._said.append(word)
            yield word

    def result(self) -> Result:
        usage = Usage() if self._script.untold else Usage(len(self._words), len(self._said))
        said = self._script.garbage or " ".join(self._said)
        return Result({"said": said}, usage, f"sha256:{len(self._said)}")

    async def close(self) -> None:
        self._script.closed += 1


@dataclass
class Purse:
    """A rail in memory that remembers what was done with each grant."""

    broke: bool = False
    replay: Replay | None = None
    orders: list[Order] = field(default_factory=list)
    captured: list[Outcome] = field(default_factory=list)
    released: int = 0
    slow: asyncio.Event | None = None
    slow_capture: asyncio.Event | None = None
    captures: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def authorize(self, order: Order) -> "PurseGrant | Replay":
        self.orders.append(order)
        self.asked.set()
        if self.broke:
            raise InsufficientFunds("Insufficient balance or budget exceeded")
        if self.slow is not None:
            await self.slow.wait()
        return self.replay or PurseGrant(self)


@dataclass
class PurseGrant:
    purse: Purse
    terms: Terms = field(default_factory=lambda: Terms("balance", "someone"))
    upfront: Upfront | None = None

    async def capture(self, outcome: Outcome) -> Settled:
        self.purse.captures.set()
        if self.purse.slow_capture is not None:
            await self.purse.slow_capture.wait()
        self.purse.captured.append(outcome)
        return Settled(outcome.quote.charge_nano_usd(outcome.usage), {"record_id": "vaas_1"}, {})

    async def release(self) -> None:
        self.purse.released += 1


@dataclass
class Reports:
    seen: list[CallReport] = field(default_factory=list)

    def call_ended(self, report: CallReport) -> None:
        self.seen.append(report)


@dataclass
class House:
    script: Script = field(default_factory=Script)
    purse: Purse = field(default_factory=Purse)
    reports: Reports = field(default_factory=Reports)
    owner: Owner = field(default_factory=Owner)

    def invoker(self) -> Invoker:
        paid = Tool(
            name="say",
            title="Say",
            description="Says words.",
            Input=Words,
            Output=Said,
            run=lambda args, _: Scripted(self.script, args.words),
            quote=lambda args: Quote("tiny", CARD, Usage(len(args.words), 10)),
            modality="chat",
            aliases=("speak",),
        )
        free = Tool(
            name="free",
            title="Free",
            description="Says words for nothing.",
            Input=Words,
            Output=Said,
            run=lambda args, _: Scripted(self.script, args.words),
            quote=None,
            modality="chat",
        )
        rail = LastingRail(self.purse, self.owner)
        return Invoker(Registry([paid, free]), rail, SystemClock(), self.reports, self.owner)


def call(delivery: Delivery = Delivery.WHOLE, timeout_s: float = 5) -> Call:
    return Call(
        run_id=new_run_id(),
        request_id="req_1",
        caller=ANONYMOUS,
        trace=trace_from(None),
        resource=Resource("http://test/say", "say"),
        delivery=delivery,
        deadline_s=SystemClock().monotonic_s() + timeout_s,
    )


WORDS = {"words": ["a", "b", "c"]}


async def test_a_finished_call_is_charged_once_for_its_usage() -> None:
    house = House()
    done = await house.invoker().invoke("say", WORDS, call())
    assert done.output == {"said": "a b c"}
    assert done.body == b'{"said":"a b c"}'
    assert [outcome.status for outcome in house.purse.captured] == [RunStatus.COMPLETED]
    assert done.settled is not None
    assert done.settled.charged_nano_usd == 3 * 1 + 3 * 2
    assert house.purse.released == 0
    assert house.script.closed >= 1
    assert [report.outcome for report in house.reports.seen] == ["completed"]


async def test_an_alias_is_the_same_tool() -> None:
    house = House()
    await house.invoker().invoke("speak", WORDS, call())
    assert house.purse.orders[0].tool == "say"


async def test_a_free_tool_pays_nothing_and_leaves_no_record() -> None:
    house = House()
    done = await house.invoker().invoke("free", WORDS, call())
    assert done.settled is None
    assert house.purse.orders == []


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("nothing", WORDS, NotFound),
        ("say", {}, InvalidRequest),
        ("say", {"words": [1]}, InvalidRequest),
        ("say", {"words": [], "loud": True}, InvalidRequest),
    ],
)
async def test_what_can_be_refused_is_refused_before_anything_is_paid(
    name: str, arguments: dict[str, Any], kind: type[BatchinError]
) -> None:
    house = House()
    with pytest.raises(kind):
        await house.invoker().invoke(name, arguments, call())
    assert house.purse.orders == []
    assert len(house.reports.seen) == 1


async def test_the_error_names_the_field_and_what_is_supported() -> None:
    with pytest.raises(InvalidRequest) as caught:
        await House().invoker().invoke("say", {"words": [], "loud": True}, call())
    assert caught.value.param == "loud"
    assert "words" in caught.value.resolution


async def test_a_full_queue_refuses_before_any_hold() -> None:
    house = House(Script(refuse=EngineOverloaded("full", retry_after_s=1)))
    with pytest.raises(EngineOverloaded):
        await house.invoker().invoke("say", WORDS, call())
    assert house.purse.orders == []


@pytest.mark.parametrize(
    ("delivery", "after"), [(Delivery.WHOLE, 2), (Delivery.WHOLE, 0), (Delivery.STREAM, 0)]
)
async def test_an_engine_fault_before_anything_was_shown_charges_nothing(
    delivery: Delivery, after: int
) -> None:
    house = House(Script(fault_after=after))
    with pytest.raises(EngineError) as failed:
        await house.invoker().invoke("say", WORDS, call(delivery))
    assert "Nothing was charged" in failed.value.resolution
    assert (house.purse.captured, house.purse.released) == ([], 1)
    assert [report.outcome for report in house.reports.seen] == ["engine_error"]


async def test_an_engine_that_breaks_off_a_stream_is_paid_for_what_was_delivered() -> None:
    house = House(Script(fault_after=2))
    with pytest.raises(EngineError) as failed:
        await house.invoker().invoke("say", WORDS, call(Delivery.STREAM))
    assert "recorded as partial" in failed.value.resolution
    assert [(o.status, o.usage) for o in house.purse.captured] == [(RunStatus.PARTIAL, Usage(3, 2))]
    assert house.purse.released == 0
    (report,) = house.reports.seen
    assert (report.outcome, report.charged_nano_usd) == ("engine_error", 3 * 1 + 2 * 2)


async def test_a_cut_stream_whose_engine_told_no_usage_is_said_to_be_free() -> None:
    house = House(Script(fault_after=2, untold=True))
    with pytest.raises(EngineError) as failed:
        await house.invoker().invoke("say", WORDS, call(Delivery.STREAM))
    assert "costs nothing" in failed.value.resolution
    assert [(o.status, o.usage) for o in house.purse.captured] == [(RunStatus.PARTIAL, Usage())]


async def test_a_fault_of_our_own_in_a_stream_charges_nothing() -> None:
    house = House(Script(fault_after=2, fault=InternalError("a mistake")))
    with pytest.raises(InternalError):
        await house.invoker().invoke("say", WORDS, call(Delivery.STREAM))
    assert (house.purse.captured, house.purse.released) == ([], 1)


@pytest.mark.parametrize("delivery", list(Delivery))
async def test_an_answer_that_cannot_be_rendered_gives_back_what_was_held(delivery: Delivery) -> None:
    house = House(Script(garbage=object()))
    with pytest.raises(TypeError):
        await house.invoker().invoke("say", WORDS, call(delivery))
    assert (house.purse.captured, house.purse.released) == ([], 1)
    assert [report.outcome for report in house.reports.seen] == ["internal_error"]


async def test_a_cut_stream_that_cannot_be_rendered_gives_back_what_was_held() -> None:
    house = House(Script(fault_after=2, garbage=object()))
    with pytest.raises(TypeError):
        await house.invoker().invoke("say", WORDS, call(Delivery.STREAM))
    assert (house.purse.captured, house.purse.released) == ([], 1)
    assert [report.outcome for report in house.reports.seen] == ["internal_error"]


async def test_no_funds_runs_nothing() -> None:
    house = House(purse=Purse(broke=True))
    with pytest.raises(InsufficientFunds):
        await house.invoker().invoke("say", WORDS, call())
    assert house.purse.captured == []


async def _leave_early(house: House, delivery: Delivery, words: int = 2) -> None:
    """Cancel the task of a call that hangs after some words."""
    house.script.hang_after = words

    async def listen() -> None:
        async with house.invoker().open("say", WORDS, call(delivery)) as run:
            async for _ in run:
                pass

    task = asyncio.create_task(listen())
    await house.script.hung.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await house.owner.drain()


async def test_a_cut_stream_is_charged_for_what_was_delivered() -> None:
    house = House()
    await _leave_early(house, Delivery.STREAM)
    assert [(o.status, o.usage) for o in house.purse.captured] == [(RunStatus.PARTIAL, Usage(3, 2))]
    assert house.purse.released == 0
    assert house.script.closed >= 1


@pytest.mark.parametrize(("delivery", "words"), [(Delivery.WHOLE, 2), (Delivery.STREAM, 0)])
async def test_a_caller_who_leaves_before_the_answer_pays_nothing(
    delivery: Delivery, words: int
) -> None:
    house = House()
    await _leave_early(house, delivery, words)
    assert (house.purse.captured, house.purse.released) == ([], 1)


async def test_the_deadline_ends_the_call_unpaid() -> None:
    house = House(Script(hang_after=0))
    with pytest.raises(DeadlineExceeded):
        await house.invoker().invoke("say", WORDS, call(timeout_s=0.05))
    assert (house.purse.captured, house.purse.released) == ([], 1)


async def test_a_payment_authorized_for_a_caller_who_left_is_given_back() -> None:
    gate = asyncio.Event()
    house = House(purse=Purse(slow=gate))
    task = asyncio.create_task(house.invoker().invoke("say", WORDS, call()))
    await house.purse.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    await house.owner.drain()
    assert (house.purse.captured, house.purse.released) == ([], 1)


async def test_a_capture_goes_on_when_its_caller_leaves() -> None:
    gate = asyncio.Event()
    house = House(purse=Purse(slow_capture=gate))
    task = asyncio.create_task(house.invoker().invoke("say", WORDS, call()))
    await house.purse.captures.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert house.purse.captured == []
    gate.set()
    await house.owner.drain()
    assert [outcome.status for outcome in house.purse.captured] == [RunStatus.COMPLETED]
    assert house.purse.released == 0
    assert [report.outcome for report in house.reports.seen] == ["completed"]


async def test_a_capture_that_takes_too_long_is_not_delivered_and_goes_on() -> None:
    gate = asyncio.Event()
    house = House(purse=Purse(slow_capture=gate))
    with pytest.raises(ChargeUnconfirmed) as told:
        await replace(house.invoker(), capture_s=0.01).invoke("say", WORDS, call())
    assert not told.value.retryable  # an SDK that asks again by itself would pay twice
    assert (house.purse.captured, house.purse.released, house.reports.seen) == ([], 0, [])
    gate.set()
    await house.owner.drain()
    assert [outcome.status for outcome in house.purse.captured] == [RunStatus.COMPLETED]
    assert house.purse.released == 0
    assert [report.outcome for report in house.reports.seen] == ["completed"]


async def test_a_cut_stream_does_not_wait_for_a_capture_that_takes_too_long() -> None:
    gate = asyncio.Event()
    house = House(Script(fault_after=2), Purse(slow_capture=gate))
    with pytest.raises(EngineError):
        await replace(house.invoker(), capture_s=0.01).invoke("say", WORDS, call(Delivery.STREAM))
    assert house.purse.captured == []
    gate.set()
    await house.owner.drain()
    assert [outcome.status for outcome in house.purse.captured] == [RunStatus.PARTIAL]
    assert house.purse.released == 0


async def test_a_replay_runs_nothing_and_answers_with_the_stored_result() -> None:
    served = {
        "served_model": "tiny",
        "served_revision": "r1",
        "engine": "scripted",
        "engine_version": "1",
    }
    settlement = {"success": True, "transaction": "0x01"}
    record = {"record_id": "vaas_old", "payload": served}
    settled = Settled(7, record, {}, settlement, access_token="token")
    stored = Replay("run_old", b'{"said":"before"}', settled)
    house = House(purse=Purse(replay=stored))
    async with house.invoker().open("say", WORDS, call()) as run:
        assert run.replayed
        assert (run.run_id, run.served.model) == ("run_old", "tiny")
        assert run.upfront == Upfront(settlement, "token")
        assert [event async for event in run] == []
        done = await run.done()
    assert done.output == {"said": "before"}
    assert done.run_id == "run_old"
    assert house.purse.captured == []
    assert [report.outcome for report in house.reports.seen] == ["replayed"]
