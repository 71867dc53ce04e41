"""Conversations on SGLang, through our adapter."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from base.usage import Usage
from runtime.engine import Delta, Event, Fault, Finish, Load, Metered, Started
from tests.contract.sglang.peers import CONTEXT, QUEUE_MAX, RUNNING_MAX, Peer, call, events_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

NO_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nope"}}}
LONG: dict[str, Any] = {"max_tokens": 1500, "ignore_eos": True}


def text(events: list[Event], index: int = 0) -> str:
    return "".join(e.content for e in events if isinstance(e, Delta) and e.index == index)


def usage(events: list[Event]) -> Usage:
    assert isinstance(events[-1], Metered), events[-1]
    return events[-1].usage


def only_fault(events: list[Event]) -> Fault:
    (fault,) = events
    assert isinstance(fault, Fault)
    return fault


@asynccontextmanager
async def occupied(peer: Peer, queued: int) -> AsyncIterator[None]:
    """All slots busy and so many calls in the queue; they leave at the end. First come those that run: a
    queue is full for who comes while its first ones are not running yet."""
    calls: list[asyncio.Task[list[Event]]] = []
    try:
        for load in (Load(RUNNING_MAX, 0, RUNNING_MAX), Load(RUNNING_MAX, queued, RUNNING_MAX)):
            while len(calls) < load.running + load.queued:
                calls.append(asyncio.create_task(events_of(peer, call(**LONG))))
            deadline = time.monotonic() + 60
            while (told := await peer.load()) != load:
                assert time.monotonic() < deadline, told
                await asyncio.sleep(0.01)
        yield
    finally:
        for one in calls:
            one.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_a_whole_answer(chat: Peer) -> None:
    events = await events_of(chat, call(ignore_eos=True))
    assert events[0] == Started("tiny-qwen3", "", "sglang", "0.5.23")
    assert [e for e in events if isinstance(e, Finish)] == [Finish(0, "length")]
    assert usage(events).output_tokens == 6
    assert usage(events).input_tokens > 5
    assert text(events)
    assert all(e.role in (None, "assistant") for e in events if isinstance(e, Delta))


async def test_usage_is_told_while_it_grows(chat: Peer) -> None:
    asked = call(max_tokens=20, ignore_eos=True)
    events = await events_of(chat, asked)
    told = [e.usage.output_tokens for e in events if isinstance(e, Metered)]
    assert told == sorted(told)
    assert told[-1] == 20
    assert asked.meter.usage == usage(events)


async def test_a_prefix_is_cached_for_its_tenant_alone(chat: Peer) -> None:
    messages = [{"role": "user", "content": f"the quick brown fox {time.monotonic_ns()}"}]
    cached = [
        usage(await events_of(chat, call(tenant=tenant, messages=messages))).cached_tokens
        for tenant in ("one", "one", "other")
    ]
    assert cached[0] == cached[2] == 0
    assert cached[1] > 10


async def test_a_stop_text_ends_the_answer_and_is_not_in_it(chat: Peer) -> None:
    whole = text(await events_of(chat, call(max_tokens=40, ignore_eos=True)))
    stop = next(sign for sign in whole[5:] if sign.isascii() and sign.isalpha())
    events = await events_of(chat, call(max_tokens=40, ignore_eos=True, stop=[stop]))
    assert stop not in text(events)
    assert Finish(0, "stop") in events
    assert usage(events).output_tokens < 40


async def test_a_regex_and_a_schema_are_honoured(chat: Peer) -> None:
    assert text(await events_of(chat, call(max_tokens=30, regex="(yes|no)"))) in ("yes", "no")
    shape = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": ["c", "f"]}}}
    events = await events_of(chat, call(max_tokens=60, response_format=shape))
    assert json.loads(text(events)) in ("c", "f")
    assert Finish(0, "stop") in events


@pytest.mark.parametrize(
    "body",
    [
        {"regex": "(["},
        {"response_format": NO_SCHEMA},
    ],
)
async def test_what_is_no_grammar_is_the_callers_error(chat: Peer, body: dict[str, Any]) -> None:
    """The server's status is 200 already; the error is the first event."""
    fault = only_fault(await events_of(chat, call(**body)))
    assert (fault.kind, fault.status, fault.retryable) == ("invalid", 400, False)


async def test_log_probabilities(chat: Peer) -> None:
    """The real server leaves tokens out whose text is not whole (a part of a character)."""
    events = await events_of(chat, call(logprobs=True, top_logprobs=2, ignore_eos=True))
    entries = [
        entry
        for event in events
        if isinstance(event, Delta) and event.logprobs
        for entry in event.logprobs["content"]
    ]
    assert 0 < len(entries) <= usage(events).output_tokens == 6
    for entry in entries:
        assert set(entry) == {"token", "logprob", "bytes", "top_logprobs"}
        assert len(entry["top_logprobs"]) == 2
        assert entry["logprob"] <= 0


async def test_two_choices_cost_their_input_once(chat: Peer) -> None:
    one = usage(await events_of(chat, call(ignore_eos=True)))
    events = await events_of(chat, call(n=2, temperature=0.9, ignore_eos=True))
    assert {e.index for e in events if isinstance(e, Finish)} == {0, 1}
    assert usage(events).input_tokens == one.input_tokens
    assert usage(events).output_tokens == 12


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "hello " * 2 * CONTEXT}]},
        {"max_tokens": 50 * CONTEXT},
    ],
)
async def test_what_does_not_fit_is_told_as_such(chat: Peer, body: dict[str, Any]) -> None:
    fault = only_fault(await events_of(chat, call(**body)))
    assert (fault.kind, fault.status) == ("context", 400)


async def test_a_model_that_is_not_served_never_reaches_the_server(chat: Peer) -> None:
    fault = only_fault(await events_of(chat, replace(call(), model="other")))
    assert fault.kind == "invalid"


async def test_a_full_queue_is_a_status_before_the_first_byte(chat: Peer) -> None:
    """In the server's stream it is an event under status 200."""
    async with occupied(chat, QUEUE_MAX):
        fault = only_fault(await events_of(chat, call()))
    assert (fault.kind, fault.status, fault.retryable) == ("overloaded", 503, True)
    await chat.idle()


@pytest.mark.parametrize("choices", [1, 2])
async def test_leaving_frees_the_slot_within_100_ms(chat: Peer, choices: int) -> None:
    """The best of several tries: what else the machine does is not the server's doing."""
    took = []
    for _ in range(5):
        await chat.idle()
        async with chat.run(call(n=choices, **LONG)) as events:
            while not isinstance(await anext(events), Metered):
                pass
            left = time.monotonic()
        await chat.idle()
        took.append(time.monotonic() - left)
    assert min(took) <= 0.1, took


@pytest.mark.parametrize("choices", [1, 2])
async def test_a_cut_stream_tells_what_was_generated(chat: Peer, choices: int) -> None:
    """Of all choices together; each tells its own part."""
    asked = call(n=choices, **LONG)
    seen = Usage()
    pieces: Counter[int] = Counter()
    async with chat.run(asked) as events:
        async for event in events:
            if isinstance(event, Metered):
                seen = event.usage
            if isinstance(event, Delta) and event.content:
                pieces[event.index] += 1
            if len(pieces) == choices and seen.output_tokens >= 10 * choices:
                break
    assert asked.meter.usage is not None
    assert sum(pieces.values()) <= seen.output_tokens
    assert seen.output_tokens <= asked.meter.usage.output_tokens < 1500 * choices
    assert asked.meter.usage.input_tokens == seen.input_tokens
    await chat.idle()


async def test_leaving_before_the_first_byte_frees_the_queue(chat: Peer) -> None:
    async with occupied(chat, 1):
        pass
    await chat.idle()
