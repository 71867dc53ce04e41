"""The real local chat engine: what it answers, what it refuses, and how it dies."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from base.usage import Usage
from runtime.engine import (
    Delta,
    EngineCall,
    EngineState,
    Event,
    Fault,
    Finish,
    Metered,
    Modality,
    Started,
)
from runtime.http.message import Limits
from runtime.local.chat import LocalChat
from runtime.local.weights import SMOLLM2_ID
from tests.contract.runtime.conftest import new_engines
from tests.long_answer import LONG

shared = pytest.mark.asyncio(loop_scope="package")
CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
STORY = [{"role": "user", "content": "Tell me a long story about the sea."}]


def call(messages: list[dict[str, str]] = CAPITAL, **body: Any) -> EngineCall:
    fields = {"messages": messages, "max_tokens": 24, "temperature": 0, **body}
    return EngineCall(f"run_{os.urandom(6).hex()}", Modality.CHAT, SMOLLM2_ID, fields, "acct_1")


def endless() -> EngineCall:
    """One that no model ends by itself before somebody stops it."""
    return call(LONG["messages"], max_tokens=3_000, response_format=LONG["response_format"])


async def ask(engine: LocalChat, **body: Any) -> list[Event]:
    async with engine.run(call(**body)) as events:
        return [event async for event in events]


def text(events: list[Event], index: int = 0) -> str:
    return "".join(e.content for e in events if isinstance(e, Delta) and e.index == index)


def usage(events: list[Event]) -> Usage:
    assert isinstance(events[-1], Metered), events[-1]
    return events[-1].usage


def reason(events: list[Event]) -> str:
    return next(e.reason for e in events if isinstance(e, Finish))


async def busy_slots(engine: LocalChat) -> int:
    slots = await engine.slots()
    assert slots is not None
    return sum(slot["is_processing"] for slot in json.loads(slots))


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)


@shared
async def test_it_answers_says_who_it_is_and_counts(chat: LocalChat) -> None:
    events = await ask(chat)
    first = events[0]
    assert isinstance(first, Started)
    assert (first.model, first.engine) == ("smollm2-135m-instruct-q4_1", "xllamacpp")
    assert first.revision.startswith("sha256:")
    assert first.engine_version == chat.health().detail["version"]
    assert text(events)
    assert reason(events) == "stop"
    assert 20 < usage(events).input_tokens < 64
    assert 3 < usage(events).output_tokens <= 24


@shared
async def test_greedy_answers_are_the_same_alone_and_side_by_side(chat: LocalChat) -> None:
    alone = text(await ask(chat, messages=STORY, max_tokens=32))
    together = await asyncio.gather(*[ask(chat, messages=STORY, max_tokens=32) for _ in range(4)])
    assert {text(events) for events in together} == {alone}


@shared
async def test_a_seed_decides_and_no_caller_gets_anothers_prefix(chat: LocalChat) -> None:
    seeded = [text(await ask(chat, messages=STORY, temperature=1.0, seed=s)) for s in (1, 1, 2)]
    assert seeded[0] == seeded[1] != seeded[2]
    assert usage(await ask(chat, messages=STORY)).cached_tokens == 0


@shared
async def test_length_and_stop_end_an_answer(chat: LocalChat) -> None:
    cut = await ask(chat, messages=STORY, max_tokens=5)
    assert (reason(cut), usage(cut).output_tokens) == ("length", 5)
    whole = text(await ask(chat))
    word = whole.split()[2]
    stopped = await ask(chat, stop=[word])
    assert (reason(stopped), text(stopped)) == ("stop", whole.partition(word)[0])


@shared
@pytest.mark.parametrize("count", [2, 6])
async def test_choices_up_to_more_than_there_are_slots(chat: LocalChat, count: int) -> None:
    events = await ask(chat, n=count, temperature=1.0, seed=1, max_tokens=8)
    assert {e.index for e in events if isinstance(e, Finish)} == set(range(count))
    assert all(text(events, index) for index in range(count))
    assert len({text(events, index) for index in range(count)}) > 1
    alone = usage(await ask(chat, max_tokens=8))
    assert usage(events).input_tokens == alone.input_tokens
    assert count < usage(events).output_tokens <= 8 * count


@shared
async def test_a_schema_is_kept(chat: LocalChat) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
        "required": ["city", "people"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    events = await ask(chat, response_format=form, max_tokens=128)
    answer = json.loads(text(events))
    assert set(answer) == {"city", "people"}
    assert isinstance(answer["people"], int)


@shared
async def test_any_json_object(chat: LocalChat) -> None:
    asked = [{"role": "user", "content": "Give me a JSON object with the key city and nothing else."}]
    events = await ask(chat, messages=asked, response_format={"type": "json_object"}, max_tokens=256)
    if reason(events) == "stop":
        assert isinstance(json.loads(text(events)), dict)
    assert text(events).lstrip().startswith("{")


@shared
@pytest.mark.parametrize("top", [None, 0, 3])
async def test_logprobs_in_openais_shape(chat: LocalChat, top: int | None) -> None:
    fields = {} if top is None else {"top_logprobs": top}
    events = await ask(chat, logprobs=True, **fields)
    entries = [
        entry for e in events if isinstance(e, Delta) and e.logprobs for entry in e.logprobs["content"]
    ]
    assert "".join(entry["token"] for entry in entries) == text(events)
    assert all(set(entry) == {"token", "logprob", "bytes", "top_logprobs"} for entry in entries)
    assert {len(entry["top_logprobs"]) for entry in entries} == {top or 0}
    assert all(entry["logprob"] <= 0 for entry in entries)


@shared
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"messages": [{"role": "user", "content": "word " * 6000}]}, "context"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {"type": "nope"}},
                }
            },
            "invalid",
        ),
    ],
)
async def test_what_it_can_not_do_is_a_fault(chat: LocalChat, body: dict[str, Any], kind: str) -> None:
    (only,) = await ask(chat, **body)
    assert isinstance(only, Fault)
    assert (only.kind, only.retryable) == (kind, False)


@shared
async def test_usage_so_far_is_known_when_a_stream_is_cut_and_the_slot_is_freed(chat: LocalChat) -> None:
    told: list[Event] = []
    async with chat.run(endless()) as events:
        async for event in events:
            told.append(event)
            if len(told) > 40:
                break
        assert await busy_slots(chat) == 1

    async def free() -> bool:
        return await busy_slots(chat) == 0

    await until(free)
    last = next(event for event in reversed(told) if isinstance(event, Metered))
    deltas = sum(1 for event in told if isinstance(event, Delta) and event.content)
    assert last.usage.output_tokens >= deltas > 10


@shared
async def test_a_reader_that_leaves_while_its_prompt_is_read_frees_the_slot(chat: LocalChat) -> None:
    long = call([{"role": "user", "content": "word " * 3500}])
    reading = asyncio.create_task(ask(chat, **long.body))

    async def busy() -> bool:
        return await busy_slots(chat) == 1

    async def free() -> bool:
        return await busy_slots(chat) == 0

    await until(busy)
    reading.cancel()
    await until(free, within_s=10)  # reading it to the end takes longer


async def test_one_that_says_nothing_for_too_long_is_ended_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runtime.vigil._ANSWER_S", 2.0)
    engine, _ = new_engines(Limits(between_bytes_s=2.0))
    async with engine:
        hung = engine.pid
        assert hung is not None
        os.killpg(hung, signal.SIGSTOP)

        async def back() -> bool:
            return engine.pid not in (None, hung)

        await until(back, within_s=120)
        monkeypatch.setattr("runtime.vigil._ANSWER_S", 120.0)  # a slow machine is no silence
        assert await engine.ready()
        assert engine.health().restarts == 1


async def test_killed_in_a_call_it_faults_comes_back_and_answers_again() -> None:
    engine, _ = new_engines()
    async with engine:
        killed = engine.pid
        async with engine.run(endless()) as events:
            assert isinstance(await anext(events), Started)
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            told = [event async for event in events]
        fault = told[-1]
        assert isinstance(fault, Fault)
        assert (fault.kind, fault.retryable) == ("unavailable", True)

        async def down() -> bool:
            return engine.state is EngineState.DOWN or engine.pid != killed

        await until(down)
        if engine.state is EngineState.DOWN:
            (refused,) = await ask(engine)
            assert isinstance(refused, Fault)
            assert refused.kind == "unavailable"

        async def back() -> bool:
            return engine.state is EngineState.READY and await engine.ready()

        await until(back)
        assert engine.health().restarts == 1
        assert isinstance((await ask(engine))[-1], Metered)
    assert engine.health().state is EngineState.STOPPED
