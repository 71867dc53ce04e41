"""Every method of the official openai SDK for what is served here: the same call, blocking and awaited,
whole and streamed. What the SDK has beside it is listed."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import NoneType
from typing import Any, Final, Literal

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import (
    Batch,
    Completion,
    CreateEmbeddingResponse,
    FileDeleted,
    FileObject,
    ImagesResponse,
    Model,
)
from openai.types.audio import Transcription
from openai.types.chat import ChatCompletion, ParsedChatCompletion
from openai.types.responses import ParsedResponse, Response
from pydantic import BaseModel

from tests.contract.openai.test_background import LASTING
from tests.live import LiveServer

MODEL: Final = "qwen3-32b"
ASKED: Final = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Name a fruit."}],
    "max_tokens": 4,
}
INPUT: Final = {"model": MODEL, "input": "Name a fruit.", "max_output_tokens": 16}
TASK: Final = b'{"custom_id": "a", "url": "/v1/embeddings", "body": {"model": "bge-m3", "input": "x"}}\n'
NAMED: Final = ("t.jsonl", TASK)
# of the resources that are served, what is not
ELSEWHERE: Final[Mapping[str, str]] = {
    "audio.translations.create": "engines transcribe in the language that is spoken",
    "chat.completions.delete": "chats are not stored; responses are",
    "chat.completions.list": "chats are not stored; responses are",
    "chat.completions.retrieve": "chats are not stored; responses are",
    "chat.completions.update": "chats are not stored; responses are",
    "files.retrieve_content": "the SDK's old name of content",
    "images.create_variation": "no engine varies pictures",
    "images.edit": "has its own tests",
    "models.delete": "the catalog is the operator's",
    "moderations.create": "no model of this server moderates; see below, and tests/contract/sglang",
    "responses.compact": "conversations are never cut",
    "responses.connect": "there is no socket beside the event stream",
}


class Fruit(BaseModel):
    """What parse asks for: names of a known length, so that no answer is cut by its limit."""

    name: Literal["apple", "pear"]


class Things:
    """What stands on the server for the calls that need it, made when it is asked for."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    @property
    def file(self) -> str:
        return self._client.files.create(file=NAMED, purpose="batch").id

    @property
    def batch(self) -> str:
        """One that waits for a while: chats run one after the other."""
        body = b'{"model": "qwen3-32b", "prompt": "x", "max_tokens": 16}'
        line = b'{"custom_id": "%d", "url": "/v1/completions", "body": ' + body + b"}\n"
        lines = b"".join(line % number for number in range(20))
        file = self._client.files.create(file=("t.jsonl", lines), purpose="batch")
        made = self._client.batches.create(
            input_file_id=file.id, endpoint="/v1/completions", completion_window="24h"
        )
        return made.id

    @property
    def response(self) -> str:
        return self._client.responses.create(model=MODEL, input="Hello", max_output_tokens=16).id

    @property
    def lasting_response(self) -> str:
        return str(self._client.responses.create(**LASTING, background=True).id)

    @property
    def streamed_response(self) -> str:
        asked: Any = {**INPUT, "background": True, "stream": True}
        with self._client.responses.create(**asked) as stream:
            return str(next(event.response.id for event in stream if event.type == "response.created"))

    @property
    def sound(self) -> bytes:
        return self._client.audio.speech.create(model="cosyvoice", input="Hello.", voice="alloy").read()


Call = Callable[[Any, Things], Any]
CALLS: Final[Mapping[str, tuple[Call, type[Any]]]] = {
    "audio.speech.create": (
        lambda c, _: c.audio.speech.create(model="cosyvoice", input="Hello.", voice="alloy"),
        object,
    ),
    "audio.transcriptions.create": (
        lambda c, t: c.audio.transcriptions.create(
            model="whisper-large-v3-turbo", file=("s.mp3", t.sound)
        ),
        Transcription,
    ),
    "audio.transcriptions.create, streamed": (
        lambda c, t: c.audio.transcriptions.create(
            model="whisper-large-v3-turbo", file=("s.mp3", t.sound), stream=True
        ),
        list,
    ),
    "batches.create": (
        lambda c, t: c.batches.create(
            input_file_id=t.file, endpoint="/v1/embeddings", completion_window="24h"
        ),
        Batch,
    ),
    "batches.retrieve": (lambda c, t: c.batches.retrieve(t.batch), Batch),
    "batches.list": (lambda c, _: c.batches.list(limit=1), list),
    "batches.cancel": (lambda c, t: c.batches.cancel(t.batch), Batch),
    "chat.completions.create": (lambda c, _: c.chat.completions.create(**ASKED), ChatCompletion),
    "chat.completions.create, streamed": (
        lambda c, _: c.chat.completions.create(**ASKED, stream=True),
        list,
    ),
    "chat.completions.parse": (
        lambda c, _: c.chat.completions.parse(**{**ASKED, "max_tokens": 64}, response_format=Fruit),
        ParsedChatCompletion,
    ),
    "chat.completions.stream": (lambda c, _: c.chat.completions.stream(**ASKED), list),
    "completions.create": (
        lambda c, _: c.completions.create(model=MODEL, prompt="One, two,", max_tokens=4),
        Completion,
    ),
    "completions.create, streamed": (
        lambda c, _: c.completions.create(model=MODEL, prompt="One, two,", max_tokens=4, stream=True),
        list,
    ),
    "embeddings.create": (
        lambda c, _: c.embeddings.create(model="bge-m3", input=["a", "b"]),
        CreateEmbeddingResponse,
    ),
    "files.create": (lambda c, _: c.files.create(file=NAMED, purpose="batch"), FileObject),
    "files.retrieve": (lambda c, t: c.files.retrieve(t.file), FileObject),
    "files.list": (lambda c, _: c.files.list(limit=1), list),
    "files.content": (lambda c, t: c.files.content(t.file), object),
    "files.wait_for_processing": (lambda c, t: c.files.wait_for_processing(t.file), FileObject),
    "files.delete": (lambda c, t: c.files.delete(t.file), FileDeleted),
    "images.generate": (
        lambda c, _: c.images.generate(model="flux-schnell", prompt="a red apple", size="256x256"),
        ImagesResponse,
    ),
    "models.list": (lambda c, _: c.models.list(), list),
    "models.retrieve": (lambda c, _: c.models.retrieve(MODEL), Model),
    "responses.create": (lambda c, _: c.responses.create(**INPUT), Response),
    "responses.create, streamed": (lambda c, _: c.responses.create(**INPUT, stream=True), list),
    "responses.parse": (
        lambda c, _: c.responses.parse(**{**INPUT, "max_output_tokens": 64}, text_format=Fruit),
        ParsedResponse,
    ),
    "responses.stream": (lambda c, _: c.responses.stream(**INPUT), list),
    "responses.retrieve": (lambda c, t: c.responses.retrieve(t.response), Response),
    "responses.retrieve, streamed": (
        lambda c, t: c.responses.retrieve(t.streamed_response, stream=True, starting_after=2),
        list,
    ),
    "responses.input_items.list": (lambda c, t: c.responses.input_items.list(t.response), list),
    "responses.cancel": (lambda c, t: c.responses.cancel(t.lasting_response), Response),
    "responses.delete": (lambda c, t: c.responses.delete(t.response), NoneType),
}
RESOURCES: Final = (
    "audio.speech",
    "audio.transcriptions",
    "audio.translations",
    "batches",
    "chat.completions",
    "completions",
    "embeddings",
    "files",
    "images",
    "models",
    "moderations",
    "responses",
    "responses.input_items",
)


def test_no_method_is_left_out() -> None:
    methods = {f"{name}.{method}" for name in RESOURCES for method in methods_of(name)}
    called = {name.partition(",")[0] for name in CALLS}
    assert methods == called | ELSEWHERE.keys()


@pytest.mark.parametrize("key", ["none", None])
def test_where_no_model_moderates_nobody_is_asked_to_pay(
    live_server: LiveServer, client: OpenAI, key: str | None
) -> None:
    """With an API key, and without one, which is where a payment would be asked for."""
    headers = {"Authorization": f"Bearer {client.api_key}"} if key is None else {}
    url = live_server.url + "/v1/moderations"
    answer = httpx.post(url, json={"input": "x"}, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_not_configured")
    assert answer.headers["x-should-retry"] == "false"
    assert "payment-required" not in answer.headers


def methods_of(resource: str) -> Iterator[str]:
    found: Any = OpenAI(api_key="none")
    for name in resource.split("."):
        found = getattr(found, name)
    for name, _ in inspect.getmembers(type(found), inspect.isfunction):
        if not name.startswith("_"):
            yield name


@pytest.fixture
def things(client: OpenAI) -> Things:
    return Things(client)


@pytest.mark.parametrize("name", CALLS)
def test_a_method_is_answered(client: OpenAI, things: Things, name: str) -> None:
    call, kind = CALLS[name]
    answer = call(client, things)
    if hasattr(answer, "__enter__") and kind is list:
        with answer as stream:
            answer = list(stream)
    elif kind is list:
        answer = list(answer)
    assert isinstance(answer, kind)
    assert answer or kind is NoneType


@pytest.fixture
async def waiting(live_server: LiveServer) -> AsyncIterator[AsyncOpenAI]:
    url = live_server.url + "/v1"
    async with AsyncOpenAI(base_url=url, api_key=live_server.api_key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("name", CALLS)
async def test_a_method_is_answered_to_who_awaits(
    waiting: AsyncOpenAI, things: Things, name: str
) -> None:
    call, kind = CALLS[name]
    answer = call(waiting, things)
    if hasattr(answer, "__aenter__") and not inspect.isawaitable(answer):
        async with answer as stream:
            answer = [event async for event in stream]
    else:
        if inspect.isawaitable(answer) and not hasattr(answer, "__aiter__"):
            answer = await answer
        if kind is list:
            answer = [item async for item in answer]
    assert isinstance(answer, kind)
    assert answer or kind is NoneType
