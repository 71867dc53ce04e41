"""Every documented code sample as it stands: the base URL, the key and the placeholders alone differ."""

import json
import re
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import requests

from tests.contract.documented.reference import (
    SHOWN_BASE,
    Documented,
    DocumentedError,
    differences,
    documented,
)
from tests.live import LiveServer
from tests.operator import new_key

REFERENCE: Final = documented()
# what this server has no rail or no engine for answers 503, and says so
REFUSED: Final = {
    "POST /v1/videos": "engine_not_configured",
    "POST /v1/topup/alipay/checkout": "rail_not_configured",
    "POST /v1/topup/stripe/checkout": "rail_not_configured",
}
# null where nothing is known or set
UNKNOWN: Final = re.compile(
    r"\.(carbon_grams_co2e|energy_\w+|carbon_offset_vs_us_cloud|\d+\.rate_limit_rpm) is None,"
)
SHOWN_HOOK: Final = "https://your-domain.com"
HOOK: Final = "https://hook.invalid"  # nobody's, RFC 6761
JSON_WORDS: Final = {"true": True, "false": False, "null": None}  # bodies are shown as JSON has them
ENDED: Final = {"completed", "failed", "expired", "cancelled"}
PATIENCE_S: Final = 60


@dataclass(frozen=True)
class Reader:
    """Somebody who tries the samples with a key of their own."""

    url: str
    key: str

    def run(self, operation: Documented, named: str = "none") -> requests.Response:
        """Run a sample on the thing with the id ``named``; returns its ``response``."""
        text = operation.sample.replace(SHOWN_BASE, self.url).replace(SHOWN_HOOK, HOOK)
        for placeholder in ("{id}", "{trace_id}"):
            text = text.replace(placeholder, named)
        names: dict[str, Any] = dict(JSON_WORDS)
        try:
            exec(compile(text, str(operation), "exec"), names)
        except requests.JSONDecodeError:  # the sample of a 204 prints a body, and there is none
            if not operation.answer.startswith("204"):
                raise
        response = names["response"]
        assert isinstance(response, requests.Response)
        return response

    def thing(self, operation: Documented) -> str:
        """The id of something that the operation can be asked for."""
        make = THINGS.get(str(operation))
        if make is None:
            return "none"
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(base_url=self.url + "/v1", headers=headers, timeout=PATIENCE_S) as http:
            return make(http)


@pytest.fixture(scope="module")
def reader(live_server: LiveServer) -> Reader:
    return Reader(live_server.url, new_key(live_server.data_dir))


def key_to_delete(http: httpx.Client) -> str:
    return str(http.post("/keys", json={"name": "to be deleted"}).json()["id"])


def audit(http: httpx.Client) -> str:
    texts = {"input_text": "1 + 1?", "output_text": "2", "model_id": "qwen3.5-27b"}
    return str(http.post("/vaas", json=texts).json()["audit_id"])


def running_batch(http: httpx.Client) -> str:
    body = {"messages": [{"role": "user", "content": "Tell a long story."}], "max_tokens": 64}
    tasks = [
        {"custom_id": f"task-{number}", "model": "qwen3.5-27b", "request_body": body}
        for number in range(50)
    ]
    return str(http.post("/batches", json={"tasks": tasks, "priority": "fill"}).json()["id"])


def ended_batch(http: httpx.Client) -> str:
    task = {"custom_id": "task-1", "model": "bge-m3", "request_body": {"input": "batch inference"}}
    made = http.post("/batches", json={"tasks": [task], "priority": "high"}).json()
    deadline = time.monotonic() + PATIENCE_S
    while http.get(f"/batches/{made['id']}").json()["status"] not in ENDED:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(made["id"])


def trace(http: httpx.Client) -> str:
    called = http.post("/embeddings", json={"model": "bge-m3", "input": "batch inference"})
    return called.headers["traceparent"].split("-")[1]


def named_prompt(http: httpx.Client) -> str:
    """Versions that calls named; one of them is made and promoted."""
    messages = [{"role": "system", "content": "Be brief."}]
    made = {"name": "support", "version": "v2", "messages": messages, "promote": True}
    http.post("/prompts", json=made).raise_for_status()
    for version in ("support@v1", "support@v2"):
        asked = {"model": "bge-m3", "input": "batch inference"}
        http.post("/embeddings", json=asked, headers={"X-BatchIn-Prompt": version}).raise_for_status()
    return "support"


def ended_trial(http: httpx.Client) -> str:
    """A candidate that was replayed on samples of an opted-in key, and promoted."""
    pushed = {"name": "support", "messages": [{"role": "user", "content": "Say {{what}}."}]}
    http.post("/prompts", json={**pushed, "version": "yes-1", "promote": True}).raise_for_status()
    again = {**pushed, "version": "yes-2", "description": "The same words."}
    http.post("/prompts", json=again).raise_for_status()
    key = http.post("/keys", json={"keeps_samples": True}).json()["key"]
    prompt = {"id": "support", "variables": {"what": "yes"}}
    asked = {"model": "qwen3.5-27b", "prompt": prompt, "max_tokens": 2}
    headers = {"authorization": f"Bearer {key}"}
    http.post("/chat/completions", json=asked, headers=headers).raise_for_status()
    rule = {"min_samples": 1, "auto_promote": True}
    wish = {"registry_id": "support", "candidate": "yes-2", "budget_cents": 10, "rule": rule}
    http.post("/prompt-regressions", json=wish).raise_for_status()
    deadline = time.monotonic() + PATIENCE_S
    while (item := http.get("/experiments").json()["items"][0])["ended_at"] is None:
        assert time.monotonic() < deadline, item
        time.sleep(0.05)
    assert (item["status"], item["promotion_status"]) == ("passed", "promoted")
    return str(item["experiment_id"])


THINGS: Final[Mapping[str, Callable[[httpx.Client], str]]] = {
    "DELETE /v1/keys/{id}": key_to_delete,
    "GET /v1/batches/{id}": ended_batch,
    "POST /v1/batches/{id}/cancel": running_batch,
    "GET /v1/traces?limit=20": trace,
    "GET /v1/traces/{trace_id}": trace,
    "GET /v1/prompts": named_prompt,
    "GET /v1/prompt-regressions": ended_trial,
    "GET /v1/experiments": ended_trial,
    "GET /v1/vaas/{id}": audit,
    "GET /v1/vaas/{id}/verify": audit,
    "GET /v1/vaas/{id}/evidence": audit,
}


@pytest.fixture
def at_work(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """In a folder with the file that one sample reads."""
    (tmp_path / "meeting.wav").write_bytes(silence())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BATCHIN_API_KEY", reader.key)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return reader


def silence() -> bytes:
    """A wav of a second: RIFF, 8 kHz, mono, 8 bit."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + 8000)
        + b"WAVEfmt "
        + form
        + b"data"
        + struct.pack("<I", 8000)
        + b"\x80" * 8000
    )


def test_the_whole_reference_is_here() -> None:
    assert len(REFERENCE) == 37
    names = {str(operation) for operation in REFERENCE}
    assert names >= REFUSED.keys()


@pytest.mark.parametrize("operation", [each for each in REFERENCE if str(each) not in REFUSED], ids=str)
def test_a_sample_is_answered_as_documented(
    at_work: Reader, operation: Documented, capsys: pytest.CaptureFixture[str]
) -> None:
    response = at_work.run(operation, at_work.thing(operation))
    printed = capsys.readouterr().out.strip()
    lacking = [name for name in operation.headers if not response.headers.get(name)]
    assert lacking == []
    if operation.answer.startswith("204"):
        assert (response.status_code, response.content) == (204, b"")
        return
    assert response.status_code == 200, printed
    assert printed
    if operation.example is None:
        assert response.headers["content-type"] in operation.answer
        assert len(response.content) > 100
        return
    shape = differences(operation.example, response.json())
    assert [line for line in shape if not UNKNOWN.search(line)] == []


@pytest.mark.parametrize("operation", [each for each in REFERENCE if str(each) in REFUSED], ids=str)
def test_a_sample_without_a_rail_or_an_engine_is_told_so(at_work: Reader, operation: Documented) -> None:
    response = at_work.run(operation)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == REFUSED[str(operation)]
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "operation",
    [each for each in REFERENCE if not each.is_public],
    ids=str,
)
def test_a_wrong_key_is_refused_as_documented(
    at_work: Reader, operation: Documented, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCHIN_API_KEY", "batchin_api_" + "x" * 43)
    [row] = [error for error in operation.errors if error.code == "unauthorized"]
    response = at_work.run(operation)
    assert_told(response.status_code, response.json(), row)


@pytest.mark.parametrize(
    ("operation", "row"),
    [(each, row) for each in REFERENCE for row in each.errors if row.code == "not_found"],
    ids=str,
)
def test_what_is_not_found_is_told_as_documented(
    at_work: Reader, operation: Documented, row: DocumentedError
) -> None:
    response = at_work.run(operation)
    assert_told(response.status_code, response.json(), row)


def row_of(name: str, code: str) -> tuple[Documented, DocumentedError]:
    [operation] = [each for each in REFERENCE if str(each) == name]
    [row] = [row for row in operation.errors if row.code == code]
    return operation, row


def test_a_chat_without_a_balance_is_told_as_documented(
    at_work: Reader, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation, row = row_of("POST /v1/chat/completions", "payment_required")
    monkeypatch.setenv("BATCHIN_API_KEY", new_key(live_server.data_dir, 0))
    response = at_work.run(operation)
    told = response.json()["error"]
    assert (told["code"], response.status_code) == (row.code, row.status)
    assert told["message"].startswith(row.message + ". ")  # how to pay by x402 follows
    assert told["resolution"].startswith(row.resolution)
    assert response.headers["payment-required"]


def test_the_sums_of_a_key_over_its_budget_are_told_as_documented(
    at_work: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation, row = row_of("GET /v1/usage/summary", "payment_required")
    monkeypatch.setenv("BATCHIN_API_KEY", limited(at_work, monthly_budget_cents=0))
    response = at_work.run(operation)
    assert_told(response.status_code, response.json(), row)
    assert differences(operation.example, response.json()) == []


def test_a_stream_that_a_key_may_not_have_is_told_as_documented(at_work: Reader) -> None:
    _, row = row_of("POST /v1/responses", "responses_streaming_disabled")
    key = limited(at_work, streams_responses=False)
    asked = {"model": "qwen3.5-27b", "input": "Hello", "stream": True}
    answer = posted(at_work, "/v1/responses", asked, key)
    assert_told(answer.status_code, answer.json(), row)


def test_a_batch_beyond_2_mb_is_told_as_documented(at_work: Reader) -> None:
    _, row = row_of("POST /v1/batches", "payload_too_large")
    task = {"custom_id": "task-1", "model": "bge-m3", "request_body": {"input": "x" * 2**21}}
    answer = posted(at_work, "/v1/batches", {"tasks": [task]}, at_work.key)
    assert_told(answer.status_code, answer.json(), row)


def limited(reader: Reader, **limits: Any) -> str:
    """A key of the same account with limits."""
    return str(posted(reader, "/v1/keys", limits, reader.key).json()["key"])


def posted(reader: Reader, path: str, body: Any, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(reader.url + path, json=body, headers=headers, timeout=PATIENCE_S)


def assert_told(status: int, body: Any, row: DocumentedError) -> None:
    told = body["error"]
    seen = (told["code"], status, told["message"], told["resolution"])
    assert seen == (row.code, row.status, row.message, row.resolution), json.dumps(body)
