"""Speech and transcripts in parts, and what a call costs whose reader leaves or whose engine dies."""

import base64
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest
from openai import OpenAI

from settlement.evidence.bodies import response_hash
from tests.children import child_of, wait_until_busy, wait_until_idle
from tests.live import LiveServer
from tests.watched import Money, Watched

SPEECH = "/v1/audio/speech"
SPEECH_ENGINE = "runtime.local.speech_child"
EAR = "whisper-large-v3-turbo"
LINE = "Good morning. It is a bright day."
STORY = "And so it went on for a while. " * 120  # minutes of work: it is never over when it is cut
NANO_USD = 1000  # of one character


@pytest.fixture(scope="module")
def watched(live_server: LiveServer) -> Watched:
    return Watched(live_server)


@pytest.fixture(scope="module")
def http(live_server: LiveServer) -> Iterator[httpx.Client]:
    bearer = {"authorization": f"Bearer {live_server.api_key}"}
    with httpx.Client(base_url=live_server.url, headers=bearer, timeout=60, trust_env=False) as client:
        yield client


def spoken(text: str, stream_format: str) -> dict[str, Any]:
    return {"model": "cosyvoice", "input": text, "stream_format": stream_format}


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line:
            yield orjson.loads(line.removeprefix("data: "))


def evidence(http: httpx.Client, record_id: str) -> dict[str, Any]:
    payload: dict[str, Any] = http.get(f"/v1/vaas/{record_id}/evidence").json()["payload"]
    return payload


def test_speech_comes_as_it_is_spoken_and_is_heard_as_it_is_understood(http: httpx.Client) -> None:
    with http.stream("POST", SPEECH, json=spoken(LINE, "audio")) as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        record_id = answer.headers["x-vaas-record-id"]
        parts = list(answer.iter_raw())
    assert len(parts) > 1
    sound = b"".join(parts)
    proof = evidence(http, record_id)
    assert proof["output_hash"] == response_hash("speech", sound)
    assert proof["charged_nano_usd"] == len(LINE) * NANO_USD
    client = OpenAI(base_url=f"{http.base_url}/v1", api_key=http.headers["authorization"][7:])
    *deltas, done = client.audio.transcriptions.create(
        model=EAR, file=("s.mp3", sound), response_format="json", stream=True
    )
    assert done.type == "transcript.text.done"
    assert "".join(d.delta for d in deltas if d.type == "transcript.text.delta") == done.text
    assert "bright day" in done.text
    assert done.model_extra is not None
    proof = evidence(http, done.model_extra["vaas"]["record_id"])
    assert proof["output_hash"] == response_hash("transcribe", {"text": done.text})


def test_the_events_of_speech_end_with_its_evidence(http: httpx.Client) -> None:
    with http.stream("POST", SPEECH, json=spoken(LINE, "sse")) as answer:
        *deltas, done = events(answer.iter_lines())
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    sound = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    assert done["type"] == "speech.audio.done"
    assert done["usage"]["characters"] == len(LINE)
    assert done["usage"]["seconds"] > 1
    proof = evidence(http, done["vaas"]["record_id"])
    assert proof["output_hash"] == response_hash("speech", sound)


def test_who_leaves_pays_what_was_spoken(http: httpx.Client, watched: Watched) -> None:
    with http.stream("POST", SPEECH, json=spoken(STORY, "audio")) as answer:
        record_id = answer.headers["x-vaas-record-id"]
        next(answer.iter_raw())
    watched.eventually(
        "it is on record", lambda: http.get(f"/v1/vaas/{record_id}/evidence").status_code == 200
    )
    proof = evidence(http, record_id)
    assert proof["status"] == "partial"
    characters = proof["usage"]["characters"]
    assert 0 < characters < len(STORY) / 2
    assert proof["charged_nano_usd"] == characters * NANO_USD
    assert watched.money().holds == 0


def total(money: Money) -> int:
    """What all accounts have, in nano-USD."""
    return sum(posted for posted, _ in money.accounts.values())


def test_an_engine_that_dies_takes_no_money_for_what_it_did_not_give(
    http: httpx.Client, watched: Watched
) -> None:
    whole = {"model": "cosyvoice", "input": STORY}
    engine = child_of(watched.server, SPEECH_ENGINE)
    wait_until_idle(engine)
    before = watched.money()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(http.post, SPEECH, json=whole)
        wait_until_busy(engine)
        with http.stream("POST", SPEECH, json=spoken(STORY, "sse")) as answer:
            told = events(answer.iter_lines())
            first = next(told)
            os.kill(engine, signal.SIGKILL)
            *_, last = told
        refused = waiting.result(60)
    assert first["type"] == "speech.audio.delta"
    assert last["error"]["code"] == "engine_error"
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "engine_error")
    assert "Nothing was charged" in refused.json()["error"]["resolution"]
    proof = evidence(http, answer.headers["x-vaas-record-id"])
    assert proof["status"] == "partial"
    watched.eventually("what was held is free", lambda: watched.money().holds == 0)
    after = watched.money()
    assert total(before) - total(after) == proof["charged_nano_usd"] < len(STORY) * NANO_USD / 2
    assert http.post(SPEECH, json=spoken("Hi.", "audio")).status_code == 200
