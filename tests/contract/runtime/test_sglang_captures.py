"""What a real SGLang 0.5.23 said, said again: the adapter reads it as it was meant."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from base.usage import Usage
from runtime.engine import Delta, Event, Fault, Finish, Metered, Started
from tests.unit.runtime.engines import chat_call, events_of, sglang
from tests.unit.runtime.scripted import EVENT_STREAM, Exchange, chunk, scripted, whole

CAPTURES = Path(__file__).parent / "captures"
SPLITS = (1, 37, 100_000)


def capture(name: str) -> Any:
    return orjson.loads((CAPTURES / f"{name}.json").read_bytes())


async def replayed(name: str, split: int = 100_000) -> list[Event]:
    """The events of a capture whose stream is cut into HTTP chunks of this size."""
    told = capture(name)
    body = told["body"].encode()

    async def script(exchange: Exchange) -> None:
        if told["headers"].get("Transfer-Encoding") != "chunked":
            await exchange.say(whole(body, f"{told['status']} X"))
            return
        parts = [body[start : start + split] for start in range(0, len(body), split)]
        await exchange.say(EVENT_STREAM + b"".join(chunk(part) for part in parts) + b"0\r\n\r\n")

    async with scripted(script) as server:
        asked = told["request"] if isinstance(told["request"], dict) else {}
        passed_on = ("max_tokens", "n", "logprobs", "top_logprobs")
        fields = {key: asked[key] for key in passed_on if key in asked}
        return await events_of(sglang(server.url), chat_call(**fields))


def text(events: list[Event], index: int = 0) -> str:
    return "".join(e.content for e in events if isinstance(e, Delta) and e.index == index)


@pytest.mark.parametrize("split", SPLITS)
async def test_a_stream_with_usage(split: int) -> None:
    events = await replayed("chat_stream_usage", split)
    assert events[0] == Started("tiny-qwen3", "", "sglang", "")
    assert text(events) == "\ufffd doe doe do"
    assert events[-2:] == [Finish(0, "length"), Metered(Usage(17, 6, 16))]


@pytest.mark.parametrize("split", SPLITS)
async def test_two_choices_in_one_stream(split: int) -> None:
    events = await replayed("chat_n2_stream", split)
    assert (text(events, 0), text(events, 1)) == ("|:,", "\ufffd \"'")
    assert {e for e in events if isinstance(e, Finish)} == {Finish(0, "length"), Finish(1, "length")}
    assert events[-1] == Metered(Usage(17, 6, 16))


async def test_logprobs_and_a_stream_that_was_not_asked_for_usage() -> None:
    events = await replayed("chat_logprobs_stream")
    entries = [
        entry
        for event in events
        if isinstance(event, Delta) and event.logprobs
        for entry in event.logprobs["content"]
    ]
    assert [entry["token"] for entry in entries] == ["\ufffd", " do", "e"]
    assert all(set(entry) == {"token", "logprob", "bytes", "top_logprobs"} for entry in entries)
    assert [len(entry["top_logprobs"]) for entry in entries] == [2, 2, 2]
    assert isinstance(events[-1], Fault), "an answer that can't be metered is no answer"
    assert events[-1].kind == "internal"


async def test_tokens_are_not_events() -> None:
    events = await replayed("tool_named_stream")
    calls = [call for e in events if isinstance(e, Delta) for call in e.tool_calls]
    assert calls[0]["function"]["name"] == "pick"
    assert events[-1] == Metered(Usage(17, 200, 16))
    assert len(calls) < 200


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("bad_regex", "invalid", 400),
        ("bad_regex_stream", "invalid", 400),
        ("too_long", "context", 400),
        ("max_tokens_too_big", "context", 400),
        ("responses_unknown_model", "internal", 404),
    ],
)
async def test_errors(name: str, kind: str, status: int) -> None:
    (fault,) = await replayed(name)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.status, fault.retryable) == (kind, status, False)
