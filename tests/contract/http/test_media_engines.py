"""Pictures, speech and transcripts of attached engines, over HTTP: answers, charges, refusals."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.fake_sglang.kind import Kind
from tests.fake_sglang.media import gray
from tests.fake_sglang.server import serving
from tests.live import LiveServer, start, stop
from tests.unit.runtime.test_media import wav
from tests.watched import Watched

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODELS = [
    {"id": "painter", "modality": "image", "image_usd": "0.01"},
    {"id": "speaker", "modality": "speech", "mchar_usd": "10"},
    {"id": "listener", "modality": "transcription", "second_usd": "0.001"},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveServer]:
    async with (
        serving(Kind(model="painter", program="diffusion")) as painter,
        serving(Kind(model="speaker", program="omni")) as speaker,
        serving(Kind(model="listener")) as listener,
    ):
        engines = [
            {"kind": "sglang-diffusion", "url": painter.url},
            {"kind": "sglang-omni", "url": speaker.url, "models": ["speaker"]},
            {"kind": "sglang", "url": listener.url},
        ]
        running = await asyncio.to_thread(
            start,
            tmp_path_factory.mktemp("media") / "data",
            BATCHIN_ENGINES=json.dumps(engines),
            BATCHIN_MODELS=json.dumps(MODELS),
            BATCHIN_X402="false",
        )
        try:
            yield running
        finally:
            await asyncio.to_thread(stop, running)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(server: LiveServer) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        yield session


def charged(server: LiveServer, response: aiohttp.ClientResponse) -> int:
    """Nano-dollars."""
    query = "SELECT charged_nano_usd FROM usage WHERE run_id = ?"
    ((nano,),) = Watched(server).rows(query, response.headers["X-BatchIn-Run-Id"])
    return int(nano)


async def test_a_picture(server: LiveServer, http: aiohttp.ClientSession) -> None:
    body = {"model": "painter", "prompt": "a fox", "size": "256x256", "n": 2, "seed": 3}
    body["response_format"] = "b64_json"
    async with http.post("/v1/images/generations", json=body) as response:
        told = await response.json()
    assert response.status == 200, told
    files = [base64.b64decode(entry["b64_json"]) for entry in told["data"]]
    assert files == [gray(256, 256, 3), gray(256, 256, 4)]
    assert response.headers["X-BatchIn-Served-Model"] == "painter"
    assert charged(server, response) == 20_000_000


async def test_a_spoken_text(server: LiveServer, http: aiohttp.ClientSession) -> None:
    body = {"model": "speaker", "input": "hello", "voice": "default", "response_format": "wav"}
    async with http.post("/v1/audio/speech", json=body) as response:
        sound = await response.read()
    assert response.status == 200, sound
    assert (response.headers["Content-Type"], sound[:4]) == ("audio/wav", b"RIFF")
    assert charged(server, response) == 50_000


@pytest.mark.parametrize("name", ["wav", "mp3", "opus", "aac", "flac"])
async def test_an_engine_that_gives_no_parts_gives_all_at_once(
    server: LiveServer, http: aiohttp.ClientSession, name: str
) -> None:
    body = {"model": "speaker", "input": "hello", "voice": "default", "response_format": name}
    async with http.post("/v1/audio/speech", json=body) as response:
        whole = await response.read()
    for how in ("audio", "sse"):
        async with http.post("/v1/audio/speech", json={**body, "stream_format": how}) as response:
            told = await response.read()
        assert response.status == 200, told
        assert charged(server, response) == 50_000
        if how == "audio":
            assert told == whole
            continue
        first, last = [json.loads(event.removeprefix(b"data: ")) for event in told.split(b"\n\n")[:-1]]
        assert (first["type"], base64.b64decode(first["audio"])) == ("speech.audio.delta", whole)
        seconds = 0.5 if name == "wav" else None
        assert last["type"] == "speech.audio.done"
        assert last["usage"] == {"type": "characters", "characters": 5, "seconds": seconds}


async def transcribed(
    http: aiohttp.ClientSession, sound: bytes, **fields: str
) -> tuple[aiohttp.ClientResponse, dict[str, object]]:
    form = aiohttp.FormData({"model": "listener", **fields})
    form.add_field("file", sound, filename="sound.wav")
    async with http.post("/v1/audio/transcriptions", data=form) as response:
        return response, await response.json()


async def test_a_transcript(server: LiveServer, http: aiohttp.ClientSession) -> None:
    response, told = await transcribed(http, wav(2.5), response_format="verbose_json")
    assert response.status == 200, told
    assert (told["text"], told["duration"]) == ("0 1 2", 2.5)
    assert told["segments"] == [
        {
            "id": number,
            "seek": 0,
            "start": float(number),
            "end": end,
            "text": f" {number}",
            "tokens": [],
            "temperature": None,
            "avg_logprob": None,
            "compression_ratio": None,
            "no_speech_prob": None,
        }
        for number, end in enumerate((1.0, 2.0, 2.5))
    ]
    assert charged(server, response) == 2_500_000


async def test_a_transcript_as_events(server: LiveServer, http: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData({"model": "listener", "stream": "true"})
    form.add_field("file", wav(2.5), filename="sound.wav")
    async with http.post("/v1/audio/transcriptions", data=form) as response:
        told = await response.read()
    first, last = [json.loads(event.removeprefix(b"data: ")) for event in told.split(b"\n\n")[:-1]]
    assert (first["type"], first["delta"]) == ("transcript.text.delta", "0 1 2")
    assert (last["type"], last["text"]) == ("transcript.text.done", "0 1 2")
    assert charged(server, response) == 2_500_000


async def test_what_is_no_sound_is_refused_before_it_is_sent(http: aiohttp.ClientSession) -> None:
    response, told = await transcribed(http, b"no sound")
    assert response.status == 400
    assert "can be decoded" in str(told["error"])


async def test_a_field_that_an_engine_would_ignore_is_refused(http: aiohttp.ClientSession) -> None:
    response, told = await transcribed(http, wav(1), prompt="names")
    assert response.status == 400, told
