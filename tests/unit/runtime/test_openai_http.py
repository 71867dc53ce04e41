"""Calls on an OpenAI-compatible server that behaves, misbehaves, or goes away."""

import asyncio
import base64
import hashlib
import hmac
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
import pytest

from base.trace import Trace
from base.usage import Usage
from runtime.engine import (
    Delta,
    EngineCall,
    Event,
    Fault,
    Finish,
    Metered,
    Modality,
    Started,
    Vectors,
)
from runtime.http.message import Limits
from runtime.openai_http import OpenAiHttp
from tests.live import free_port
from tests.unit.runtime.engines import (
    HASTY,
    SALT_KEY,
    chat_call,
    embed_call,
    events_of,
    llama,
    openai,
    sglang,
)
from tests.unit.runtime.scripted import (
    EVENT_STREAM,
    Exchange,
    Script,
    chunk,
    finish,
    piece,
    scripted,
    usage,
    whole,
)

WHOLE = (piece("Hel"), piece("lo"), finish(), usage(5, 2))


async def run(script: Script, make: Callable[[str], OpenAiHttp] = openai, **body: Any) -> list[Event]:
    async with scripted(script) as server:
        return await events_of(make(server.url), chat_call(**body))


def fault(events: list[Event]) -> Fault:
    assert isinstance(events[-1], Fault)
    return events[-1]


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.005)


async def test_a_whole_answer() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(*WHOLE)

    assert await run(script) == [
        Started("tiny-qwen3", "", "openai", ""),
        Delta(0, "Hel"),
        Delta(0, "lo"),
        Finish(0, "stop"),
        Metered(Usage(5, 2)),
    ]


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
async def test_any_cut_and_line_end(size: int, ending: bytes) -> None:
    stream = b": ping\n\n" + b"".join(b"data: " + part + b"\n\n" for part in (*WHOLE, b"[DONE]"))
    wire = EVENT_STREAM + chunk(stream.replace(b"\n", ending)) + b"0\r\n\r\n"

    async def script(exchange: Exchange) -> None:
        await exchange.say_in_bits(wire, size)

    events = await run(script)
    assert "".join(e.content for e in events if isinstance(e, Delta)) == "Hello"
    assert events[-1] == Metered(Usage(5, 2))


async def test_the_request_holds_what_was_validated_and_always_streams() -> None:
    seen: list[Exchange] = []

    async def script(exchange: Exchange) -> None:
        seen.append(exchange)
        await exchange.stream(*WHOLE)

    await run(script, openai, temperature=0.5, custom_logit_processor="pickle", rid="mine")
    assert seen[0].json() == {
        "model": "tiny-qwen3",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 6,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert "authorization: bearer key\r\n" in seen[0].head.lower()


async def test_sglang_gets_our_id_priority_and_a_salt_that_tenants_do_not_share() -> None:
    seen: list[Exchange] = []

    async def script(exchange: Exchange) -> None:
        seen.append(exchange)
        await exchange.stream(*WHOLE)

    async with scripted(script) as server:
        for tenant, lane in (("a", "shared"), ("b", "batch"), ("a", "elsewhere")):
            await events_of(sglang(server.url), chat_call(tenant=tenant, lane=lane))
    bodies = [exchange.json() for exchange in seen]
    assert [body.get("priority") for body in bodies] == [0, -10, None]
    assert {body["rid"] for body in bodies} == {"run_1."}
    salt = hmac.digest(SALT_KEY, b"a", hashlib.sha256).hex()
    assert [body["cache_salt"] == salt for body in bodies] == [True, False, True]


@pytest.mark.parametrize(("make", "told"), [(sglang, True), (openai, False), (llama, False)])
async def test_a_server_of_ours_is_told_the_trace_and_no_other_is(
    make: Callable[[str], OpenAiHttp], told: bool
) -> None:
    heads: list[str] = []

    async def script(exchange: Exchange) -> None:
        heads.append(exchange.head.lower())
        await exchange.stream(*WHOLE)

    trace = Trace("a" * 32, "b" * 16, None, "01", "vendor=1")
    async with scripted(script) as server:
        for state in ("vendor=1", ""):
            call = replace(chat_call(), trace=partial(replace, trace, state=state))
            await events_of(make(server.url), call)
        await events_of(make(server.url), chat_call())
    parent = f"traceparent: 00-{'a' * 32}-{'b' * 16}-01\r\n"
    assert [parent in head for head in heads] == [told, told, False]
    assert ["tracestate: vendor=1\r\n" in head for head in heads] == [told, False, False]


async def test_a_second_attempt_has_an_id_of_its_own() -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.number == 2:
            exchange.reset()
            return
        await exchange.stream(*WHOLE)

    async with scripted(script) as server:
        engine = sglang(server.url)
        for rid in ("run_1", "run_2"):
            async with engine.run(chat_call(rid)) as events:
                assert [event async for event in events][-1] == Metered(Usage(5, 2))
        assert [exchange.json()["rid"] for exchange in server.exchanges] == [
            "run_1.",
            "run_2.",
            "run_2-2.",
        ]
        await engine.aclose()


async def test_running_usage_is_told_before_each_piece_so_that_a_cut_can_be_charged() -> None:
    def told(content: str, index: int, tokens: int) -> bytes:
        part = orjson.loads(piece(content, index))
        part["usage"] = {"prompt_tokens": 5, "completion_tokens": tokens}
        return orjson.dumps(part)

    async def script(exchange: Exchange) -> None:
        await exchange.stream(
            told("a", 0, 1), told("bc", 1, 2), told("d", 0, 3), finish(0), finish(1), usage(5, 6)
        )

    events = await run(script, sglang, n=2)
    assert [e.usage.output_tokens for e in events if isinstance(e, Metered)] == [1, 3, 5, 6]
    assert isinstance(events[1], Metered)
    assert isinstance(events[2], Delta)


async def test_llama_tells_usage_per_choice_and_the_input_counts_once() -> None:
    def timed(content: str, index: int, tokens: int) -> bytes:
        part = orjson.loads(piece(content, index))
        part["timings"] = {"cache_n": 4, "prompt_n": 1, "predicted_n": tokens}
        return orjson.dumps(part)

    async def script(exchange: Exchange) -> None:
        await exchange.stream(
            timed("a", 1, 1),
            timed("b", 0, 1),
            finish(1),
            usage(5, 2),
            timed("c", 0, 2),
            finish(0),
            usage(5, 3),
        )

    events = await run(script, llama, n=2)
    told = [e.usage for e in events if isinstance(e, Metered)]
    assert [u.output_tokens for u in told] == [1, 2, 3, 4, 5]
    assert {u.input_tokens for u in told} == {5}


async def test_a_system_message_is_added_only_where_there_is_none() -> None:
    seen: list[Exchange] = []

    async def script(exchange: Exchange) -> None:
        seen.append(exchange)
        await exchange.stream(*WHOLE)

    own = [{"role": "system", "content": "mine"}, {"role": "user", "content": "x"}]
    for messages in ([{"role": "user", "content": "x"}], own):
        await run(script, lambda url: llama(url, "default"), messages=messages)
    contents = [[m["content"] for m in exchange.json()["messages"]] for exchange in seen]  # type: ignore[attr-defined] # JSON
    assert contents == [["default", "x"], ["mine", "x"]]


@pytest.mark.parametrize(
    ("payloads", "kind"),
    [
        ((piece("a"), finish()), "internal"),  # no usage
        ((piece("a"), usage(5, 1)), "truncated"),  # no finish
        ((b"not json",), "internal"),
        ((b"[1]",), "internal"),
        ((piece("a", 3),), "internal"),
        ((orjson.dumps({"choices": [{"delta": {}}]}),), "internal"),
        ((piece("a"), finish(0, "abort"), usage(5, 1)), "unavailable"),
    ],
)
async def test_a_stream_that_is_not_whole_is_a_fault(payloads: tuple[bytes, ...], kind: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(*payloads)

    assert fault(await run(script)).kind == kind


async def test_an_end_without_done_is_truncated() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(*WHOLE, end=b"")

    assert fault(await run(script)).kind == "truncated"


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (
            {"error": {"object": "error", "message": "m", "type": "SERVICE_UNAVAILABLE", "code": 503}},
            "overloaded",
            True,
        ),
        ({"error": {"message": "m", "code": "context_length_exceeded"}}, "internal", True),
        ({"error": {"message": "bad", "code": 400}}, "invalid", False),
        ({"error": "it broke"}, "internal", True),
        ({"object": "error", "message": "m", "code": 429}, "overloaded", True),
    ],
)
async def test_an_error_in_band(error: dict[str, object], kind: str, retryable: bool) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(piece("a"), orjson.dumps(error))

    events = await run(script)
    assert (fault(events).kind, fault(events).retryable) == (kind, retryable)
    assert isinstance(events[1], Delta)


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        ("400 X", {"error": {"message": "m", "code": "context_length_exceeded"}}, "context", False),
        (
            "400 X",
            {"object": "error", "message": "longer than the model's context length"},
            "context",
            False,
        ),
        ("400 X", {"object": "error", "message": "/usr/lib/x.py: nope"}, "invalid", False),
        ("401 X", {"error": "Unauthorized"}, "internal", False),
        ("404 X", {"detail": "Not Found"}, "internal", False),
        ("429 X", {"error": {"message": "m"}}, "overloaded", True),
        ("503 X", {"object": "error", "message": "queue is full", "type": "503"}, "overloaded", True),
        ("503 X", {"error": {"message": "Loading model", "code": 503}}, "unavailable", True),
        ("500 X", None, "internal", True),
        ("502 X", None, "unavailable", True),
    ],
)
async def test_an_error_status(status: str, body: object, kind: str, retryable: bool) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(whole(orjson.dumps(body) if body else b"<html>", status))

    (only,) = await run(script)
    assert isinstance(only, Fault)
    assert (only.kind, only.retryable, only.status) == (kind, retryable, int(status[:3]))


@pytest.mark.parametrize(
    "said", [(), (EVENT_STREAM,), (EVENT_STREAM, chunk(b"data: " + piece("a") + b"\n\n"))]
)
async def test_silence_is_a_stall_and_ends_the_connection(said: tuple[bytes, ...]) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(*said)
        await asyncio.wait_for(exchange.closed.wait(), 60)

    async with scripted(script) as server:
        events = await events_of(openai(server.url, HASTY), chat_call())
        assert (fault(events).kind, fault(events).retryable) == ("stalled", True)
        await until(server.exchanges[0].closed.is_set)


@pytest.mark.parametrize(
    ("modality", "body", "silent"),
    [
        (Modality.IMAGE, {"prompt": "a fox", "width": 64, "height": 64, "seeds": [1]}, False),
        (Modality.SPEECH, {"input": "hi", "voice": "v", "format": "mp3", "speed": 1.0}, False),
        (Modality.EMBEDDING, {"input": ["hi"]}, True),
        (Modality.CHAT, {"messages": [{"role": "user", "content": "hi"}]}, True),
    ],
)
async def test_work_that_is_answered_whole_is_no_silence(
    modality: Modality, body: dict[str, object], silent: bool
) -> None:
    async def script(exchange: Exchange) -> None:
        await asyncio.wait_for(exchange.closed.wait(), 60)

    async with scripted(script) as server:
        http = openai(server.url)
        async with http.run(EngineCall("run_1", modality, "m", body, "acct_1")) as events:
            reading = asyncio.ensure_future(anext(events))
            await until(lambda: bool(server.exchanges))
            await asyncio.sleep(0.02)
            assert http.running == 1
            assert (http.silent_s > 0.01) is silent
            reading.cancel()
            await asyncio.wait((reading,))
        assert http.silent_s == 0
        await http.aclose()


async def test_comments_do_not_count_as_events() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(EVENT_STREAM, chunk(b"data: " + piece("a") + b"\n\n"))
        while not exchange.closed.is_set():
            await exchange.say(chunk(b": ping\n\n"))
            await asyncio.sleep(0.02)

    assert fault(await run(script, partial(openai, limits=HASTY))).kind == "stalled"


async def test_a_reset_in_a_stream() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(EVENT_STREAM, chunk(b"data: " + piece("a") + b"\n\n"))
        await asyncio.sleep(0.02)
        exchange.reset()

    events = await run(script)
    assert events[1] == Delta(0, "a")
    assert (fault(events).kind, fault(events).retryable) == ("unavailable", True)


async def test_no_server() -> None:
    (only,) = await events_of(openai(f"http://127.0.0.1:{free_port()}"), chat_call())
    assert isinstance(only, Fault)
    assert (only.kind, only.retryable) == ("unavailable", True)


async def endless(exchange: Exchange) -> None:
    if "abort_request" in exchange.head:
        await exchange.say(whole(b""))
        return
    await exchange.say(EVENT_STREAM)
    while not exchange.closed.is_set():
        await exchange.say(chunk(b"data: " + piece("a") + b"\n\n"))
        await asyncio.sleep(0.01)


async def test_leaving_closes_the_connection_and_tells_sglang() -> None:
    async with scripted(endless) as server:
        engine = sglang(server.url)
        async with engine.run(chat_call()) as events:
            await anext(events)
            assert engine.running == 1
        assert engine.running == 0
        await until(lambda: server.exchanges[0].closed.is_set() and len(server.exchanges) == 2)
        assert server.exchanges[1].head.startswith("POST /abort_request ")
        assert server.exchanges[1].json() == {"rid": "run_1."}
        await engine.aclose()


async def test_a_whole_answer_is_not_aborted() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(*WHOLE)

    async with scripted(script) as server:
        engine = sglang(server.url)
        for _ in range(3):
            async with engine.run(chat_call()) as events:
                assert [event async for event in events][-1] == Metered(Usage(5, 2))
        await engine.aclose()
        assert (len(server.exchanges), server.connections) == (3, 1)


async def test_cancelling_the_reader_closes_the_connection() -> None:
    async with scripted(endless) as server:
        engine = openai(server.url)
        reading = asyncio.create_task(events_of(engine, chat_call()))
        await until(lambda: len(server.exchanges) == 1)
        reading.cancel()
        await until(server.exchanges[0].closed.is_set)


async def test_abort_by_id_ends_the_reader_with_a_fault() -> None:
    async with scripted(endless) as server:
        engine = openai(server.url)
        async with engine.run(chat_call("run_7")) as events:
            await anext(events)
            await engine.abort("run_7")
            assert fault([event async for event in events]).kind == "unavailable"
        await engine.aclose()


@pytest.mark.parametrize("spelling", ["list", "base64"])
async def test_embeddings_in_both_spellings_and_any_order(spelling: str) -> None:
    def vector(*numbers: float) -> object:
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
        return list(numbers) if spelling == "list" else base64.b64encode(packed).decode()

    async def script(exchange: Exchange) -> None:
        rows = [
            {"index": 1, "embedding": vector(0.5, 0.25)},
            {"index": 0, "embedding": vector(1.0, -2.0)},
        ]
        await exchange.say(whole(orjson.dumps({"data": rows, "usage": {"prompt_tokens": 9}})))

    async with scripted(script) as server:
        events = await events_of(openai(server.url), embed_call("a", "b"))
    assert events == [
        Started("tiny", "", "openai", ""),
        Vectors((struct.pack("<2f", 1, -2), struct.pack("<2f", 0.5, 0.25)), 2),
        Metered(Usage(9)),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 1}},
        {
            "data": [{"index": i, "embedding": [1.0] * (i + 1)} for i in (0, 1)],
            "usage": {"prompt_tokens": 1},
        },
        {"data": [{"index": i, "embedding": ["x"]} for i in (0, 1)], "usage": {"prompt_tokens": 1}},
        {"data": [{"index": i, "embedding": [1.0]} for i in (0, 1)]},
        [],
    ],
)
async def test_an_embeddings_answer_that_is_not_whole(answer: object) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(whole(orjson.dumps(answer)))

    async with scripted(script) as server:
        (only,) = await events_of(openai(server.url), embed_call("a", "b"))
    assert isinstance(only, Fault)
    assert only.kind == "internal"


async def test_a_base_path_is_kept() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(*WHOLE)

    async with scripted(script) as server:
        for path in ("", "/", "/v1", "/v1/", "/deep/v1"):
            await events_of(openai(server.url + path), chat_call())
        paths = [exchange.head.split()[1] for exchange in server.exchanges]
    assert paths == ["/v1/chat/completions"] * 4 + ["/deep/v1/chat/completions"]


async def test_progress_of_a_prompt_is_a_sign_of_life_and_nothing_else() -> None:
    progress = orjson.loads(piece(""))
    progress["prompt_progress"] = {"total": 10, "processed": 5}
    progress["timings"] = {"cache_n": 0, "prompt_n": 5, "predicted_n": 0}

    async def script(exchange: Exchange) -> None:
        await exchange.say(EVENT_STREAM)
        for _ in range(12):  # together longer than the limit of the first event
            await exchange.say(chunk(b"data: " + orjson.dumps(progress) + b"\n\n"))
            await asyncio.sleep(0.1)
        rest = b"".join(b"data: " + part + b"\n\n" for part in (*WHOLE, b"[DONE]"))
        await exchange.say(chunk(rest), b"0\r\n\r\n")

    limits = Limits(connect_s=60, first_byte_s=1, between_bytes_s=60)
    events = await run(script, partial(llama, limits=limits))
    assert events[:2] == [Started("tiny-qwen3", "", "llama.cpp", ""), Delta(0, "Hel")]
    assert events[-1] == Metered(Usage(5, 2))
