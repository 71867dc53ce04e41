"""The running server answers as its own /openapi.json says: routes, statuses, schemas, headers."""

import base64
import json
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # has no stubs

from tests.live import LiveServer

QUESTION = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "max_tokens": 8,
}
TEXTS = {"model": "bge-m3", "input": "one text"}
LINE = {"model": "cosyvoice", "input": "Hello."}
DOCUMENTS = {"model": "all-minilm-l6-v2-int8-cosine", "query": "q", "documents": ["a", "b"]}
PICTURE = {"model": "flux-schnell", "prompt": "a red apple", "size": "256x256"}
RESPONSE = {"model": "qwen3-32b", "input": "Say yes.", "max_output_tokens": 16}
# the status of a payment: where payments are tested (tests/contract/x402)
ELSEWHERE = {
    "/v1/payments/{id}",
    "/v1/videos/{id}",
    "/v1/videos/{id}/content",
    "/v1/audit/anchors/{digest}",
    "/v1/audit/{id}/feedback",
    "/v1/audit/{id}/feedback/submission",
}
OUTSIDE = {"input_text": "1 + 1?", "output_text": "2", "model_id": "gpt-elsewhere"}
BATCH = {"tasks": [{"custom_id": "a", "model": "bge-m3", "request_body": TEXTS}]}
PROMPT = {"name": "described", "messages": [{"role": "system", "content": "Answer {{how}}."}]}
EAR = {"model": "whisper-large-v3-turbo"}
# a wav of a tenth of a second (RIFF, 8 kHz, mono, 8 bit)
SILENCE = (
    b"RIFF"
    + struct.pack("<I", 836)
    + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    + b"data"
    + struct.pack("<I", 800)
    + b"\x80" * 800
)


@dataclass(frozen=True)
class Described:
    """A server and what it says of itself."""

    http: httpx2.Client
    key: str
    document: dict[str, Any]

    def check(self, path: str, method: str, answer: httpx2.Response) -> Any:
        """The body, after it was held against the operation's description."""
        operation = self.document["paths"][path][method]
        described = operation["responses"].get(str(answer.status_code))
        assert described is not None, f"{method} {path}: {answer.status_code} is not documented"
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in described["content"], f"{method} {path}: {kind} is not documented"
        if not kind.endswith("json"):
            return answer.text
        schema = {**described["content"][kind]["schema"], "components": self.document["components"]}
        body = answer.json()
        Draft202012Validator(schema).validate(body)
        if answer.status_code >= 400 and "error" in body:
            assert body["error"]["code"] in described["content"][kind]["examples"]
        return body

    def get(self, path: str) -> httpx2.Response:
        return self.http.get(path, headers={"authorization": f"Bearer {self.key}"})

    def post(self, path: str, body: Any, key: str | None = None) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return self.http.post(path, json=body, headers=headers)


@pytest.fixture(scope="module")
def described(live_server: LiveServer) -> Iterator[Described]:
    with httpx2.Client(base_url=live_server.url, timeout=60, trust_env=False) as http:
        document = http.get("/openapi.json").json()
        yield Described(http, live_server.api_key, document)


@pytest.fixture(scope="module")
def record_id(described: Described) -> str:
    """Of a call that has its place in the log."""
    answer = described.post("/v1/embeddings", TEXTS, described.key)
    record_id = str(answer.headers["x-vaas-record-id"])
    deadline = time.monotonic() + 60
    while described.get(f"/v1/audit/{record_id}/bundle").json()["inclusion"] is None:
        assert time.monotonic() < deadline, "no place in the log within 30 s"
    return record_id


def _trial(described: Described) -> str:
    """An experiment that ended at once: there are no samples."""
    for words in ("Say {{what}}.", "Say {{what}}, please."):
        messages = [{"role": "user", "content": words}]
        pushed = {"name": "tried", "messages": messages, "promote": words == "Say {{what}}."}
        described.post("/v1/prompts", pushed, described.key)
    wish = {"registry_id": "tried", "candidate": "v2", "budget_cents": 1}
    made = described.post("/v1/prompt-regressions", wish, described.key)
    return str(made.json()["experiment_id"])


def with_id(path: str, any_id: str) -> str:
    return path.replace("{id}", any_id).replace("{trace_id}", any_id)


@pytest.fixture(scope="module")
def paths(described: Described, record_id: str) -> Callable[[str], str]:
    """A path of the document with the id of something that is there."""
    picture = described.post("/v1/images", PICTURE, described.key).json()["data"][0]["url"]
    headers = {"authorization": f"Bearer {described.key}"}
    form = {"files": {"file": ("lines.jsonl", b"{}\n")}, "data": {"purpose": "batch"}}
    file = described.http.post("/v1/files", headers=headers, **form).json()["id"]  # type: ignore[arg-type] # as httpx takes it
    answer = described.post("/v1/responses", RESPONSE, described.key)
    batch = described.post("/v1/batches", BATCH, described.key).json()["id"]
    ids = {
        "/v1/models/": "qwen3-32b",
        "/v1/files/": file,
        "/v1/responses/": answer.json()["id"],
        "/v1/traces/": answer.headers["x-batchin-run-id"],
        "/v1/batches/": batch,
        "/v1/experiments/": _trial(described),
        "/v1/prompts/": described.post("/v1/prompts", PROMPT, described.key).json()["registry_id"],
    }

    key_id = described.get(f"/v1/audit/{record_id}/bundle").json()["evidence"]["key_id"]

    def filled(path: str) -> str:
        found = next((ids[start] for start in ids if path.startswith(start)), record_id)
        path = with_id(path.replace("{key_id}", key_id), found)
        return path.replace("{name}", picture.rpartition("/")[2][: -len(".png")])

    return filled


def test_every_get_answers_as_described(described: Described, paths: Callable[[str], str]) -> None:
    checked = 0
    for path, item in described.document["paths"].items():
        if "get" not in item or path in ELSEWHERE:
            continue
        answer = described.get(paths(path))
        assert answer.status_code == 200, (path, answer.text)
        described.check(path, "get", answer)
        checked += 1
    assert checked >= 30


def test_what_does_not_exist_is_answered_as_described(described: Described) -> None:
    for path, item in described.document["paths"].items():
        if "get" in item and "id}" in path:
            answer = described.get(with_id(path, "vaas_" + "0" * 32))
            assert answer.status_code == 404, path
            described.check(path, "get", answer)


def test_another_method_is_refused_on_every_route(described: Described, record_id: str) -> None:
    for path, item in described.document["paths"].items():
        answer = described.http.patch(with_id(path, record_id))
        assert answer.status_code == 405, path
        allowed = {method.strip().lower() for method in answer.headers["allow"].split(",")}
        assert set(item) <= allowed, path


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", QUESTION),
        ("/v1/embeddings", TEXTS),
        ("/v1/images", PICTURE),
        ("/v1/vaas", OUTSIDE),
    ],
)
def test_a_paid_call_answers_as_described(described: Described, path: str, body: Any) -> None:
    answer = described.post(path, body, described.key)
    assert answer.status_code == 200
    described.check(path, "post", answer)
    sometimes = {"X-VaaS-Salt", "PAYMENT-RESPONSE", "X-BatchIn-Access-Token"}
    headers = described.document["paths"][path]["post"]["responses"]["200"]["headers"]
    for name in set(headers) - sometimes:
        assert answer.headers[name], name


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/chat/completions", QUESTION), ("/v1/embeddings", TEXTS)]
)
def test_refusals_of_a_paid_call_are_as_described(described: Described, path: str, body: Any) -> None:
    wrong = (
        described.post(path, body),
        described.post(path, body, "batchin_api_" + "x" * 43),
        described.post(path, {**body, "model": "gpt-9"}, described.key),
        described.post(path, {**body, "colour": "red"}, described.key),
        described.http.post(path, content=b"a=1", headers={"content-type": "text/plain"}),
        described.post(path, {**body, "user": "x" * 3_000_000}, described.key),
    )
    for answer in wrong:
        described.check(path, "post", answer)
    assert [answer.status_code for answer in wrong] == [402, 401, 404, 400, 415, 413]
    challenge = json.loads(base64.b64decode(wrong[0].headers["payment-required"]))
    schema = {"$ref": "#/components/schemas/PaymentRequired"}
    Draft202012Validator({**schema, "components": described.document["components"]}).validate(challenge)
    price = described.document["paths"][path]["post"]["x-payment-info"]["price"]
    asked_usd = int(challenge["accepts"][0]["amount"]) / 1_000_000
    assert float(price["min"]) <= asked_usd <= float(price["max"])


def test_a_stream_is_described_by_its_events(described: Described) -> None:
    path = "/v1/chat/completions"
    answer = described.post(path, {**QUESTION, "stream": True}, described.key)
    content = described.document["paths"][path]["post"]["responses"]["200"]["content"]
    _, data = content["text/event-stream"]["schema"]["properties"]["data"]["anyOf"]
    schema = {**data["contentSchema"], "components": described.document["components"]}
    lines = [line for line in answer.text.splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    for line in lines[:-1]:
        Draft202012Validator(schema).validate(json.loads(line.removeprefix("data: ")))
    assert "vaas" in json.loads(lines[-2].removeprefix("data: "))


def test_a_quote_and_a_verdict_answer_as_described(described: Described, record_id: str) -> None:
    asked = {"model": "qwen3-32b", "estimated_input_tokens": 100, "estimated_output_tokens": 50}
    quote = described.check("/v1/quote", "post", described.post("/v1/quote", asked))
    assert {rail["rail"] for rail in quote["rails"]} == {"balance", "x402"}
    bundle = described.http.get(f"/v1/vaas/{record_id}/bundle").json()
    path = "/v1/audit/verify-bundle"
    assert described.check(path, "post", described.post(path, bundle))["valid"] is True
    bundle["evidence"]["payload"]["output_hash"] = "sha256:" + "0" * 64
    assert described.check(path, "post", described.post(path, bundle))["valid"] is False


@pytest.mark.parametrize("path", ["/v1/quote", "/v1/audit/verify-bundle"])
def test_refusals_of_a_free_call_are_as_described(described: Described, path: str) -> None:
    wrong = (
        described.post(path, {}, "batchin_api_" + "x" * 43),
        described.post(path, []),
        described.http.post(path, content=b"a=1", headers={"content-type": "text/plain"}),
        described.http.post(path, content=b"{", headers={"content-type": "application/json"}),
    )
    for answer in wrong:
        described.check(path, "post", answer)
    assert [answer.status_code for answer in wrong] == [401, 400, 415, 400]


def test_an_unknown_model_has_no_price(described: Described) -> None:
    asked = {"model": "gpt-9", "estimated_input_tokens": 1}
    answer = described.post("/v1/quote", asked)
    assert answer.status_code == 404
    described.check("/v1/quote", "post", answer)


def test_x402_resources_answer_with_a_challenge_on_the_terms_they_name(described: Described) -> None:
    manifest = described.http.get("/.well-known/x402").json()
    bodies = {
        "/v1/chat/completions": QUESTION,
        "/v1/embeddings": TEXTS,
        "/v1/audio/speech": LINE,
        "/v1/rerank": DOCUMENTS,
        "/v1/images": PICTURE,
        "/v1/images/generations": PICTURE,
        "/v1/responses": RESPONSE,
        "/v1/completions": {"model": "qwen3-32b", "prompt": "One, two,", "max_tokens": 2},
        "/v1/vaas": OUTSIDE,
        "/v1/batches": BATCH,
        "/v1/credits": {"amount_cents": 10},
    }
    for resource in manifest["resources"]:
        path = resource.removeprefix(str(described.http.base_url).rstrip("/"))
        if path == "/v1/audio/transcriptions":
            answer = described.http.post(path, files={"file": ("s.wav", SILENCE)}, data=EAR)
        else:
            answer = described.post(path, bodies[path])
        assert answer.status_code == 402
        offer = json.loads(base64.b64decode(answer.headers["payment-required"]))["accepts"][0]
        assert offer["network"] == manifest["payment"]["network"]
        assert offer["asset"] == manifest["payment"]["asset"]
        assert offer["payTo"] == manifest["payment"]["pay_to"]
        assert offer["scheme"] in manifest["payment"]["schemes"]
