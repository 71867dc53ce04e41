"""What SGLang is sent, what it must never be sent, and each way in which it fails."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from runtime.engine import Delta, EngineCall, Event, Fault, Finish, Metered, Modality, Started
from runtime.http.message import Limits
from runtime.openai_http import OpenAiHttp
from runtime.openai_scores import labels_of, scores_of
from runtime.rerank import cosines
from runtime.sglang.flavour import SgLang
from runtime.sglang.loads import LOADS_PATH, load_of
from tests.fake_sglang.kind import Faults, Kind
from tests.fake_sglang.server import FakeSglang, serving
from tests.unit.runtime.engines import PATIENT

HASTY = Limits(connect_s=60, first_byte_s=1, between_bytes_s=1)
NEVER = {
    "rid": "mine",
    "priority": 1000,
    "cache_salt": "a neighbour's",
    "extra_key": "x",
    "data_parallel_rank": 1,
    "routed_dp_rank": 1,
    "bootstrap_host": "10.0.0.1",
    "bootstrap_port": 1,
    "bootstrap_room": 1,
    "lora_path": "/etc/passwd",
    "session_id": "x",
    "session_params": {"id": "x"},
    "custom_logit_processor": "gASVpickle",
    "custom_params": {"x": 1},
    "custom_labels": {"x": "y"},
    "input_ids": [1, 2],
    "return_hidden_states": True,
    "return_routed_experts": True,
    "images_config": {},
    "mm_processor_kwargs": {},
    "watermark": {"key": "x"},
    "chat_template": "{{ x }}",
    "stop_regex": "(a+)+$",
    "json_schema": "{}",
    "model": "tiny:adapter",
    "stream": False,
    "stream_options": {},
    "return_documents": True,
    "embed_overrides": [],
    "user": "x",
}
_STREAMED = {"model", "max_tokens", "stream", "stream_options", "cache_salt", "rid"}
ALLOWED = {
    Modality.CHAT: {*_STREAMED, "messages"},
    Modality.COMPLETION: {*_STREAMED, "prompt"},
    Modality.EMBEDDING: {"model", "input", "encoding_format", "rid"},
    Modality.CLASSIFY: {"model", "input", "rid"},
    Modality.RERANK: {"model", "query", "documents", "return_documents"},
}
BODIES: dict[Modality, dict[str, Any]] = {
    Modality.CHAT: {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 12},
    Modality.COMPLETION: {"prompt": "hello", "max_tokens": 12},
    Modality.EMBEDDING: {"input": ["hello", "world"]},
    Modality.CLASSIFY: {"input": ["hello", "world"]},
    Modality.RERANK: {"query": "hello", "documents": ["hello", "world"]},
}


def call(modality: Modality = Modality.CHAT, lane: str = "shared", **body: Any) -> EngineCall:
    fields = {**BODIES[modality], **body}
    return EngineCall("run_1", modality, "tiny-qwen3", fields, "acct_1", lane)


@asynccontextmanager
async def fake_engine(
    faults: Faults | None = None, kind: Kind | None = None, limits: Limits = PATIENT
) -> AsyncIterator[tuple[FakeSglang, OpenAiHttp]]:
    async with serving(kind, faults) as fake:
        flavour = SgLang(b"k" * 32, {"shared": 0, "batch": -10})
        http = OpenAiHttp(
            fake.url, flavour, lambda asked, _: Started(asked.model, "", "sglang", ""), limits
        )
        try:
            yield fake, http
        finally:
            await http.aclose()


async def events_of(http: OpenAiHttp, asked: EngineCall) -> list[Event]:
    async with http.run(asked) as events:
        return [event async for event in events]


async def failing(faults: Faults, limits: Limits = PATIENT, **body: Any) -> tuple[list[Event], Fault]:
    """What a call brings before its fault, and the fault."""
    async with fake_engine(faults, limits=limits) as (_, http):
        *before, last = await events_of(http, call(**body))
    assert isinstance(last, Fault), last
    return before, last


@pytest.mark.parametrize("modality", list(BODIES))
async def test_only_what_is_allowed_passes(modality: Modality) -> None:
    kind = Kind(embedding=modality not in (Modality.CHAT, Modality.COMPLETION))
    async with fake_engine(kind=kind) as (fake, http):
        await events_of(http, call(modality, lane="elsewhere", **NEVER))
        (sent,) = fake.seen
    assert set(sent) == ALLOWED[modality]
    assert sent["model"] == "tiny-qwen3"
    if modality is not Modality.RERANK:
        assert sent["rid"] in ("run_1.", ["run_1-0.", "run_1-1."])
    if "stream" in sent:
        assert sent["stream"] is True
        assert sent["cache_salt"] != NEVER["cache_salt"]


async def test_of_a_template_callers_choose_one_thing() -> None:
    asked = {"enable_thinking": False, "add_generation_prompt": False, "documents": ["x"]}
    async with fake_engine() as (fake, http):
        await events_of(http, call(chat_template_kwargs=asked))
        await events_of(http, call(chat_template_kwargs={"documents": ["x"]}))
    assert [sent.get("chat_template_kwargs") for sent in fake.seen] == [{"enable_thinking": False}, None]


@pytest.mark.parametrize(
    "body",
    [
        {"regex": "(a{1,1000}){1,1000}"},
        {"ebnf": "x" * 70_000},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"maxItems": 10**9}}}},
        {"tools": [{"function": {"name": "f", "parameters": {"pattern": "a{99999}"}}}]},
        {
            "tools": [
                {"function": {"name": f"f{n}", "parameters": {"pattern": "a{9999}"}}} for n in range(6)
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "http://x/y"}]}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "/etc"}}]}
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
    ],
)
async def test_what_it_can_not_bear_is_refused_before_it(body: dict[str, Any]) -> None:
    async with fake_engine() as (fake, http):
        (fault,) = await events_of(http, call(**body))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.retryable) == ("invalid", False)
    assert fake.seen == []


async def test_media_is_sent_as_data() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    async with fake_engine() as (fake, http):
        await events_of(http, call(messages=[{"role": "user", "content": [part]}]))
    assert len(fake.seen) == 1


async def test_a_suffix_without_a_template_is_refused() -> None:
    async with fake_engine() as (fake, http):
        (fault,) = await events_of(http, call(Modality.COMPLETION, suffix="x"))
    assert isinstance(fault, Fault)
    assert (fault.kind, fake.seen) == ("invalid", [])


async def test_an_error_of_a_full_queue_is_the_first_event() -> None:
    before, fault = await failing(Faults(queue_full=True))
    assert (before, fault.kind, fault.status, fault.retryable) == ([], "overloaded", 503, True)


@pytest.mark.parametrize(
    ("faults", "kind", "retryable"),
    [
        (Faults(stall_after=3), "stalled", True),
        (Faults(reset_after=3), "unavailable", True),
        (Faults(die_after=3), "unavailable", True),
        (Faults(cut_after=3), "truncated", True),
        (Faults(garbage_after=3), "internal", False),
        (Faults(no_usage=True), "internal", False),
        (Faults(not_http=True), "internal", False),
        (Faults(head_s=60), "stalled", True),
    ],
)
async def test_each_failure_is_a_fault(faults: Faults, kind: str, retryable: bool) -> None:
    before, fault = await failing(faults, HASTY if kind == "stalled" else PATIENT)
    assert (fault.kind, fault.retryable) == (kind, retryable)
    shown = [event for event in before if isinstance(event, Delta)]
    assert bool(shown) is not (faults.not_http or bool(faults.head_s))


async def test_several_tokens_in_one_event() -> None:
    async with fake_engine(Faults(per_event=5)) as (_, http):
        events = await events_of(http, call())
    assert isinstance(events[-1], Metered)
    assert events[-1].usage.output_tokens == 12
    assert len([e for e in events if isinstance(e, Delta) and e.content]) == 3


async def test_two_runs_of_one_id_are_one() -> None:
    asked = call(max_tokens=1500)
    async with fake_engine(kind=Kind(tick_s=0.01)) as (_, http), http.run(asked) as events:
        await anext(events)
        (fault,) = await events_of(http, call())
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.status) == ("invalid", 400)


async def test_it_takes_calls_while_it_drains() -> None:
    async with fake_engine(Faults(draining=True)) as (_, http):
        assert not await http.ready()
        assert Finish(0, "length") in await events_of(http, call())


async def test_health_is_not_asked_where_it_is_slow() -> None:
    async with fake_engine(Faults(health_s=60)) as (_, http):
        began = time.monotonic()
        assert await http.ready()
        assert time.monotonic() - began < 10


async def test_a_conversation_would_end_a_server_that_embeds() -> None:
    async with fake_engine(kind=Kind(embedding=True)) as (fake, http):
        (fault,) = await events_of(http, call())
        assert isinstance(fault, Fault)
        assert not await http.ready()
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection("127.0.0.1", fake.listener.port)


async def test_an_abort_ends_no_other_run() -> None:
    """The server aborts what begins with the id that it is told."""
    async with fake_engine(kind=Kind(tick_s=0.005)) as (_, http):
        asked = call(max_tokens=40)
        other = asyncio.create_task(events_of(http, replace(asked, rid="run_12")))
        async with http.run(replace(asked, rid="run_1")) as events:
            await anext(events)
        assert isinstance((await other)[-1], Metered)


async def test_the_tail_of_a_cut_stream_is_exact() -> None:
    asked = call(max_tokens=1500)
    async with fake_engine(kind=Kind(admin_key=None)) as (fake, http):
        async with http.run(asked) as events:
            async for event in events:
                if isinstance(event, Metered) and event.usage.output_tokens == 5:
                    break
        told = asked.meter.usage
        assert told is not None
        assert 5 <= told.output_tokens < 1500
        assert [job.rid for job in fake.slots.running] == []


async def test_a_server_that_refuses_the_abort_is_left() -> None:
    asked = call(max_tokens=1500)
    async with fake_engine(kind=Kind(admin_key="a" * 32)) as (fake, http):
        async with http.run(asked) as events:
            async for event in events:
                if isinstance(event, Metered) and event.usage.output_tokens == 5:
                    break
        deadline = time.monotonic() + 60
        while fake.slots.running:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)
    assert asked.meter.usage is not None
    assert asked.meter.usage.output_tokens >= 5


async def test_the_load_is_that_of_all_ranks() -> None:
    async with fake_engine() as (_, http):
        load = load_of(await http.get(LOADS_PATH) or b"")
    assert load is not None
    assert (load.running, load.queued, load.limit) == (0, 0, 4)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '{"loads": [{}]}',
        '{"loads": 5}',
        '{"loads": [[]]}',
        '{"loads": [{"num_running_reqs": 1e400, "num_waiting_reqs": 0, "max_running_requests": 1}]}',
        """{"accelerator": "H100", "num_accelerators": 1, "loads": [{"num_running_reqs": 0,
            "num_waiting_reqs": 0, "max_running_requests": 1, "memory": ["weight_gb"]}]}""",
    ],
)
def test_loads_that_are_none(body: str) -> None:
    assert load_of(body.encode()) is None


@pytest.mark.parametrize(
    ("body", "scores", "tokens"),
    [
        (
            (
                b'[{"score":0.5,"index":1,"meta_info":{"prompt_tokens":3}},'
                b'{"score":-1,"index":0,"meta_info":{"prompt_tokens":2}}]'
            ),
            (-1.0, 0.5),
            5,
        ),
        (
            (
                b'{"results":[{"index":0,"relevance_score":1},{"index":1,"relevance_score":0}],'
                b'"usage":{"total_tokens":7}}'
            ),
            (1.0, 0.0),
            7,
        ),
    ],
)
def test_scores_in_both_spellings(body: bytes, scores: tuple[float, ...], tokens: int) -> None:
    read = scores_of(body, 2)
    assert not isinstance(read, Fault)
    assert (read[0].data, read[1].input_tokens) == (scores, tokens)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'[{"score":1,"index":0,"meta_info":{"prompt_tokens":1}}]',
        b'[{"score":1,"index":0},{"score":1,"index":1}]',
        b'[{"score":1,"index":0,"meta_info":null},{"score":1,"index":1,"meta_info":null}]',
    ],
)
def test_scores_that_are_none(body: bytes) -> None:
    assert isinstance(scores_of(body, 2), Fault)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"data":[],"usage":{"prompt_tokens":1}}',
        (
            b'{"data":[{"index":0,"label":"Default","probs":[1.0],"num_classes":1}],'
            b'"usage":{"prompt_tokens":1}}'
        ),
    ],
)
def test_labels_that_are_none(body: bytes) -> None:
    """The last is what a server answers when it could not tell."""
    assert isinstance(labels_of(body, 1), Fault)


def test_cosines() -> None:
    import struct

    def vector(*numbers: float) -> bytes:
        return struct.pack(f"<{len(numbers)}f", *numbers)

    told = cosines(vector(1, 0), [vector(2, 0), vector(0, 3), vector(-1, 0), vector(0, 0)])
    assert told == pytest.approx((1, 0, -1, 0))
