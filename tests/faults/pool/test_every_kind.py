"""Engines of every kind that hang, lie, reset or answer nonsense: no call is charged, nothing stays
held, and the next call is answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.fake_sglang.kind import Faults, Kind
from tests.fake_sglang.media import gray
from tests.fake_sglang.server import FakeSglang, serving
from tests.fake_sglang.wrong import Wrong
from tests.live import start, stop
from tests.unit.runtime.test_media import wav
from tests.watched import Watched

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Of each no more is asked at once than its breaker takes: a call more would not reach it.
MODELS: list[dict[str, Any]] = [
    {"id": "talker", "modality": "chat", "context_length": 2048},
    {"id": "answerer", "modality": "chat", "context_length": 2048},
    {"id": "writer", "modality": "chat", "context_length": 2048},
    {"id": "embedder", "modality": "embedding"},
    {"id": "ranker", "modality": "rerank"},
    {"id": "sorter", "modality": "classify"},
    {"id": "listener", "modality": "transcription", "second_usd": "0.001"},
    {"id": "painter", "modality": "image", "image_usd": "0.01", "vision": True},
    {"id": "speaker", "modality": "speech", "mchar_usd": "10"},
]
PROGRAMS: dict[str, Any] = {"painter": "diffusion", "speaker": "omni"}
EMBED = ("embedder", "ranker", "sorter")
HASTY = {"X-BatchIn-Workspace": "hasty"}
ENGINES = "engine_error"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: JSON, or a form where a file goes with it."""

    path: str
    fields: Mapping[str, Any]
    file: tuple[str, bytes] | None = None

    def body(self) -> dict[str, Any]:
        if self.file is None:
            return {"json": dict(self.fields)}
        form = aiohttp.FormData({name: str(value) for name, value in self.fields.items()})
        form.add_field(self.file[0], self.file[1], filename="file")
        return {"data": form}


def talk(**more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "hello"}]
    return {"model": "talker", "messages": messages, "max_tokens": 8, **more}


PAINT = {"model": "painter", "prompt": "a fox", "size": "64x64"}
SPEAK = {"model": "speaker", "input": "hello", "response_format": "wav"}
RESPOND = {"model": "answerer", "input": "hello", "max_output_tokens": 8}
ASKS: dict[str, Ask] = {
    "chat": Ask("/v1/chat/completions", talk()),
    "chat stream": Ask("/v1/chat/completions", talk(stream=True)),
    "completion": Ask("/v1/completions", {"model": "writer", "prompt": "a", "max_tokens": 8}),
    "embedding": Ask("/v1/embeddings", {"model": "embedder", "input": ["a", "b"]}),
    "rerank": Ask("/v1/rerank", {"model": "ranker", "query": "a", "documents": ["b", "c"]}),
    "classify": Ask("/v1/classify", {"model": "sorter", "input": ["a"]}),
    "transcription": Ask("/v1/audio/transcriptions", {"model": "listener"}, ("file", wav(1))),
    "response": Ask("/v1/responses", RESPOND),
    "response stream": Ask("/v1/responses", {**RESPOND, "stream": True}),
    "transcription stream": Ask(
        "/v1/audio/transcriptions", {"model": "listener", "stream": "true"}, ("file", wav(1))
    ),
    "image": Ask("/v1/images/generations", PAINT),
    "edit": Ask("/v1/images/edits", PAINT, ("image", gray(64, 64, 1))),
    "speech": Ask("/v1/audio/speech", SPEAK),
    "speech as events": Ask("/v1/audio/speech", {**SPEAK, "stream_format": "sse"}),
    "speech as bytes": Ask("/v1/audio/speech", {**SPEAK, "stream_format": "audio"}),
}


@dataclass
class Street:
    """The server and all its engines."""

    fakes: Sequence[FakeSglang]
    http: aiohttp.ClientSession
    watched: Watched

    @contextmanager
    def faulty(self, **faults: Any) -> Iterator[None]:
        self._turn(Faults(**faults))
        try:
            yield
        finally:
            self._turn(Faults())

    async def asked(self, ask: Ask, headers: Mapping[str, str]) -> tuple[int, Any]:
        """Status and body: of a stream its lines."""
        async with self.http.post(ask.path, headers=headers, **ask.body()) as answer:
            body = await answer.read()
            try:
                return answer.status, json.loads(body)
            except ValueError:
                return answer.status, body

    async def all_asked(
        self, asks: Mapping[str, Ask] = ASKS, headers: Mapping[str, str] | None = None
    ) -> dict[str, tuple[int, Any]]:
        """What each is told, all at once."""
        answers = await asyncio.gather(*(self.asked(ask, headers or {}) for ask in asks.values()))
        return dict(zip(asks, answers, strict=True))

    async def works_again(self, asks: Mapping[str, Ask] = ASKS) -> None:
        """Each is answered, once a breaker that opened has cooled down."""
        left = dict(asks)
        async with asyncio.timeout(60):
            while left:
                answers = await self.all_asked(left)
                left = {name: ask for name, ask in left.items() if answers[name][0] != 200}
                await asyncio.sleep(0.05 * bool(left))

    async def unpaid(self, before: object) -> None:
        """Nothing was charged, nothing stays held."""
        await asyncio.to_thread(
            self.watched.eventually, "all is given back", lambda: self.watched.money() == before
        )

    def _turn(self, faults: Faults) -> None:
        for fake in self.fakes:
            fake.faults = faults


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    async with AsyncExitStack() as stack:
        fakes, engines = [], []
        for name in (str(model["id"]) for model in MODELS):
            kind = Kind(model=name, program=PROGRAMS.get(name, "srt"), embedding=name in EMBED)
            fake = await stack.enter_async_context(serving(kind))
            program = PROGRAMS.get(name)
            engine = {"kind": f"sglang-{program}" if program else "sglang", "url": fake.url}
            engines.append({**engine, "name": name, "models": [name]})
            fakes.append(fake)
        server = await asyncio.to_thread(
            start,
            tmp_path_factory.mktemp("street") / "data",
            BATCHIN_ENGINES=json.dumps(engines),
            BATCHIN_MODELS=json.dumps(MODELS),
            BATCHIN_TIMEOUTS='{"workspace:hasty": 0.3}',
            BATCHIN_X402="false",
        )
        stack.push_async_callback(asyncio.to_thread, stop, server)
        headers = {"Authorization": f"Bearer {server.api_key}"}
        http = await stack.enter_async_context(aiohttp.ClientSession(server.url, headers=headers))
        yield Street(fakes, http, Watched(server))


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ("busy", 503, "engine_overloaded"),
        ("refused", 502, ENGINES),
        ("gone", 502, ENGINES),
        ("in_band", 502, ENGINES),
        ("garbage", 502, ENGINES),
        ("null", 502, ENGINES),
        ("empty", 502, ENGINES),
        ("html", 502, ENGINES),
        ("cut", 502, ENGINES),
        ("reset", 502, ENGINES),
        ("silent", 504, "deadline_exceeded"),
        ("endless", 504, "deadline_exceeded"),
    ],
)
async def test_a_wrong_answer_costs_nothing_and_the_next_call_is_answered(
    street: Street, wrong: Wrong, status: int, code: str
) -> None:
    before = street.watched.money()
    hasty = HASTY if status == 504 else None
    with street.faulty(wrong=wrong):
        answers = await street.all_asked(headers=hasty)
    seen = {name: (told, body["error"]["code"]) for name, (told, body) in answers.items()}
    assert seen == dict.fromkeys(ASKS, (status, code))
    assert "/srv" not in str(answers), "what an engine says of its machine stays with it"
    await street.unpaid(before)
    await street.works_again()


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("another_size", ("image",)),
        ("another_format", ("speech",)),
        ("silent", ("speech",)),
    ],
)
async def test_a_whole_file_that_is_not_what_was_asked_for_costs_nothing(
    street: Street, fault: str, kinds: tuple[str, ...]
) -> None:
    before = street.watched.money()
    asks = {name: ASKS[name] for name in kinds}
    with street.faulty(media_fault=fault):
        for status, body in (await street.all_asked(asks)).values():
            assert (status, body["error"]["code"]) == (502, ENGINES)
    await street.unpaid(before)
    await street.works_again(asks)


async def test_a_size_that_is_made_is_the_size_that_is_told(street: Street) -> None:
    edit = {"edit": Ask("/v1/images/edits", PAINT, ("image", gray(64, 64, 1)))}
    with street.faulty(media_fault="another_size"):
        ((status, told),) = (await street.all_asked(edit)).values()
    assert (status, told["size"]) == (200, "32x64")


@pytest.mark.parametrize("faults", [{"usage_factor": 1000}, {"endless": True}], ids=str)
async def test_more_tokens_than_were_asked_for_are_no_ones(street: Street, faults: Any) -> None:
    """An engine that makes its counts up, or does not stop where it was told to."""
    asks = {name: ASKS[name] for name in ("chat", "chat stream", "completion")}
    before = street.watched.money()
    with street.faulty(**faults):
        answers = await street.all_asked(asks)
    whole = [answers[name] for name in ("chat", "completion")]
    assert [(status, body["error"]["code"]) for status, body in whole] == [(502, ENGINES)] * 2
    if "endless" in faults:  # what was shown before is paid, and no more of it
        assert b'"engine_error"' in answers["chat stream"][1]
        await asyncio.to_thread(
            street.watched.eventually, "nothing is held", lambda: street.watched.money().holds == 0
        )
        assert street.watched.rows("SELECT MAX(output_tokens) FROM usage") == [(8,)]
    else:
        await street.unpaid(before)
    await street.works_again(asks)


async def test_the_books_are_right_after_all_that(street: Street) -> None:
    books = await street.watched.audit()
    assert (books.total_nano_usd, books.faults) == (0, ())
