"""Speech and transcription by the official openai SDK, against the real server and its real models."""

import base64
import hashlib
import io
import re
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, get_args

import httpx
import openai
import pytest
from openai import OpenAI

from settlement.evidence.bodies import response_hash
from settlement.evidence.hashes import request_hash
from tests.live import LiveServer

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
MAGIC: dict[str, tuple[str, bytes]] = {
    "mp3": ("audio/mpeg", b"\xff"),
    "opus": ("audio/ogg", b"OggS"),
    "aac": ("audio/aac", b"\xff\xf1"),
    "flac": ("audio/flac", b"fLaC"),
    "wav": ("audio/wav", b"RIFF"),
    "pcm": ("audio/pcm", b""),
}
SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "A red ship sails across the blue sea.",
    "Please close the window before you leave.",
    "My sister plays the piano every evening.",
    "The train to London leaves in an hour.",
    "We planted apple trees behind the house.",
    "He bought fresh bread and a bottle of milk.",
    "The children were laughing in the garden.",
    "Snow covered the mountains last winter.",
    "Every agent pays for the answer it gets.",
)
EAR = "whisper-large-v3-turbo"


@pytest.fixture(scope="module")
def client(live_server: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=live_server.url + "/v1", api_key=live_server.api_key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def spoken(client: OpenAI) -> bytes:
    """ "Welcome to the show." as wav."""
    return client.audio.speech.create(
        model="cosyvoice", input="Welcome to the show.", voice="alloy", response_format="wav"
    ).read()


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def errors(said: list[str], heard: list[str]) -> int:
    """Words put in, left out or changed (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        last, row[0] = row[0], number
        for at, other in enumerate(heard, 1):
            last, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, last + (word != other))
    return row[-1]


def test_ten_sentences_are_heard_as_they_were_spoken(client: OpenAI) -> None:
    def heard(sentence: str) -> str:
        sound = client.audio.speech.create(model="cosyvoice", input=sentence, voice="alloy").read()
        return client.audio.transcriptions.create(model=EAR, file=("s.mp3", sound)).text

    wrong = total = 0
    with ThreadPoolExecutor(2) as callers:
        for sentence, text in zip(SENTENCES, callers.map(heard, SENTENCES), strict=True):
            mistakes = errors(words(sentence), words(text))
            print(f"{mistakes} wrong: {sentence!r} -> {text!r}")
            wrong, total = wrong + mistakes, total + len(words(sentence))
    print(f"word error rate: {wrong} of {total} = {wrong / total:.1%}")
    assert wrong / total <= 0.10


@pytest.mark.parametrize("name", get_args(Format))
def test_each_format_is_what_it_says_and_is_signed(client: OpenAI, name: Format) -> None:
    raw = client.audio.speech.with_raw_response.create(
        model="cosyvoice", input="Good morning.", voice="echo", response_format=name, speed=1.5
    )
    media_type, magic = MAGIC[name]
    assert raw.headers["content-type"] == media_type
    assert raw.content.startswith(magic)
    for header in (
        "traceparent",
        "x-request-id",
        "x-batchin-run-id",
        "x-batchin-prompt-version",
        "x-vaas-record-id",
        "x-vaas-signature",
        "x-vaas-publickey",
        "x-batchin-served-model",
    ):
        assert raw.headers[header], header
    evidence = evidence_of(client, raw.headers["x-vaas-record-id"])
    assert evidence["output_hash"] == "sha256:" + hashlib.sha256(raw.content).hexdigest()
    assert evidence["output_hash"] == response_hash("speech", raw.content)
    assert evidence["usage"]["characters"] == len("Good morning.")
    assert evidence["charged_nano_usd"] == len("Good morning.") * 1000


def evidence_of(client: OpenAI, record: str) -> dict[str, Any]:
    answer = httpx.get(f"{str(client.base_url).rstrip('/')}/vaas/{record}/evidence")
    payload: dict[str, Any] = answer.json()["payload"]
    return payload


def test_a_faster_voice_takes_less_time(client: OpenAI) -> None:
    def seconds(speed: float) -> float:
        sound = client.audio.speech.create(
            model="cosyvoice",
            input="One after the other.",
            voice="nova",
            response_format="wav",
            speed=speed,
        ).read()
        with wave.open(io.BytesIO(sound)) as file:
            assert (file.getframerate(), file.getnchannels()) == (24_000, 1)
            return int(file.getnframes()) / int(file.getframerate())

    assert seconds(2.0) < 0.8 * seconds(1.0)


def test_every_format_of_a_transcript(client: OpenAI, spoken: bytes) -> None:
    file = ("s.wav", spoken)
    make = client.audio.transcriptions.create
    plain = make(model=EAR, file=file)
    assert words(plain.text) == ["welcome", "to", "the", "show"]
    assert make(model=EAR, file=file, response_format="text") == plain.text
    assert re.fullmatch(
        r"1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n.*show.*\n",
        make(model=EAR, file=file, response_format="srt"),
    )
    assert re.fullmatch(
        r"WEBVTT\n\n00:00:0\d\.\d{3} --> 00:00:0\d\.\d{3}\n.*show.*\n",
        make(model=EAR, file=file, response_format="vtt"),
    )


def test_a_verbose_transcript_has_the_times_and_is_signed(client: OpenAI, spoken: bytes) -> None:
    answer = client.audio.transcriptions.create(
        model=EAR,
        file=("s.wav", spoken),
        response_format="verbose_json",
        language="en",
        prompt="A greeting.",
        temperature=0,
        timestamp_granularities=["word", "segment"],
    )
    assert answer.language == "en"
    assert answer.segments is not None
    assert answer.words is not None
    assert 0 <= answer.segments[0].start < answer.segments[-1].end <= float(answer.duration)
    assert [words(word.word)[0] for word in answer.words] == words(answer.text)
    assert all(a.start <= a.end <= b.end for a, b in zip(answer.words, answer.words[1:], strict=False))
    assert answer.model_extra is not None
    evidence = evidence_of(client, answer.model_extra["vaas_record_id"])
    assert evidence["served_model"] == "whisper-tiny.en-int8"
    assert evidence["output_hash"] == response_hash("transcribe", answer.model_dump())
    assert evidence["usage"]["audio_ms"] == round(float(answer.duration) * 1000)
    sent = {
        "model": EAR,
        "file": "sha256:" + hashlib.sha256(spoken).hexdigest(),
        "response_format": "verbose_json",
        "language": "en",
        "prompt": "A greeting.",
        "temperature": "0",
        "timestamp_granularities": ["word", "segment"],
    }
    assert evidence["input_hash"] == request_hash(sent)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"voice": "nobody"}, "voice"),
        ({"input": ""}, "input"),
        ({"input": "..."}, "input"),
        ({"input": "\u4f60\u597d"}, "input"),
        ({"input": "a" * 4097}, "input"),
        ({"response_format": "ogg"}, "response_format"),
        ({"speed": 9}, "speed"),
        ({"instructions": "whisper"}, "instructions"),
        ({"stream_format": "chunks"}, "stream_format"),
        ({"model": "qwen3-32b"}, "model"),
    ],
)
def test_a_wrong_field_of_speech_is_named(client: OpenAI, change: dict[str, Any], param: str) -> None:
    arguments = {"model": "cosyvoice", "input": "Hello.", "voice": "alloy", **change}
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(**arguments)
    assert (caught.value.code, caught.value.param) == ("invalid_request", param)
    if param == "voice":
        assert isinstance(caught.value.body, dict)
        assert "alloy" in caught.value.body["resolution"]


@pytest.mark.parametrize(
    ("file", "change", "param"),
    [
        (b"", {}, "file"),
        (b"this is no sound" * 64, {}, "file"),
        (b"RIFF\x00\x00\x00\x00WAVE", {}, "file"),
        (b"fLaC" + bytes(4096), {}, "file"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", {}, "file"),
        (None, {"language": "de"}, "language"),
        (None, {"temperature": "hot"}, "temperature"),
        (None, {"response_format": "pdf"}, "response_format"),
        (None, {"response_format": "srt", "stream": True}, "stream"),
        (None, {"model": "cosyvoice"}, "model"),
    ],
)
def test_a_wrong_part_of_a_transcription_is_named(
    client: OpenAI, spoken: bytes, file: bytes | None, change: dict[str, Any], param: str
) -> None:
    arguments = {"model": EAR, "file": ("s.wav", spoken if file is None else file), **change}
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(**arguments)
    assert (caught.value.code, caught.value.param) == ("invalid_request", param)


def test_too_long_and_too_large_files_are_refused(client: OpenAI) -> None:
    silence = io.BytesIO()
    with wave.open(silence, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(b"\x80" * 8000 * 1501)
    with pytest.raises(openai.BadRequestError) as long:
        client.audio.transcriptions.create(model=EAR, file=("s.wav", silence.getvalue()))
    assert "longer than 1500 seconds" in long.value.message
    with pytest.raises(openai.APIStatusError) as large:
        client.audio.transcriptions.create(model=EAR, file=("s.wav", bytes(26_214_401)))
    assert large.value.status_code == 413


def test_no_form_is_no_transcription(live_server: LiveServer) -> None:
    url = f"{live_server.url}/v1/audio/transcriptions"
    bearer = {"authorization": f"Bearer {live_server.api_key}"}
    sound = base64.b64encode(b"x").decode()
    assert httpx.post(url, headers=bearer, json={"model": EAR, "file": sound}).status_code == 415
    missing = httpx.post(url, headers=bearer, files={"file": ("x", b"x")})
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "model")
    twice = [("file", ("x", b"x")), ("file", ("y", b"y"))]
    two = httpx.post(url, headers=bearer, files=twice, data={"model": EAR})
    assert two.status_code == 400


def test_documents_come_in_the_order_in_which_they_answer(live_server: LiveServer) -> None:
    documents = [
        "The capital of France is Paris.",
        {"text": "Bananas are rich in potassium."},
        "An agent pays each call in USDC, by x402.",
        "It often rains in autumn.",
    ]
    body = {
        "model": "all-minilm-l6-v2-int8-cosine",
        "query": "How does an agent pay?",
        "documents": documents,
        "top_n": 2,
        "return_documents": True,
    }
    bearer = {"authorization": f"Bearer {live_server.api_key}"}
    answer = httpx.post(f"{live_server.url}/v1/rerank", headers=bearer, json=body).json()
    best, second = answer["results"]
    assert best["index"] == 2
    assert best["document"]["text"] == documents[2]
    assert 1 >= best["relevance_score"] > second["relevance_score"] >= -1
    evidence = httpx.get(f"{live_server.url}/v1/vaas/{answer['vaas_record_id']}/evidence").json()
    assert evidence["payload"]["output_hash"] == response_hash("rerank", answer)
    assert evidence["payload"]["served_model"] == "all-minilm-l6-v2-int8"
