"""Idempotency-Key: a request sent again is answered again, byte for byte, and charged once."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from tests.live import LiveServer

CHAT = "/v1/chat/completions"


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {
        "model": "qwen3-32b",
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 4,
        **more,
    }


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


def post(server: LiveServer, path: str, body: dict[str, Any], key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.api_key}", "Idempotency-Key": key}
    return httpx.post(server.url + path, json=body, headers=headers, timeout=60)


def requests_made(server: LiveServer) -> int:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    answer = httpx.get(server.url + "/v1/usage/summary", headers=headers)
    return int(answer.json()["total_requests"])


def test_the_same_request_is_answered_alike_and_charged_once(live_server: LiveServer, key: str) -> None:
    first = post(live_server, CHAT, chat("Name a colour."), key)
    assert first.status_code == 200
    before = requests_made(live_server)
    again = post(live_server, CHAT, chat("Name a colour."), key)
    assert again.content == first.content
    assert again.headers["x-batchin-run-id"] == first.headers["x-batchin-run-id"]
    assert again.headers["x-vaas-signature"] == first.headers["x-vaas-signature"]
    assert requests_made(live_server) == before


def test_another_request_under_the_same_key_is_refused(live_server: LiveServer, key: str) -> None:
    assert post(live_server, CHAT, chat("Name a colour."), key).status_code == 200
    other = post(live_server, CHAT, chat("Name a river."), key)
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "idempotency_mismatch"


def test_a_request_that_failed_frees_its_key(live_server: LiveServer, key: str) -> None:
    assert post(live_server, CHAT, chat("x " * 60_000), key).status_code == 400
    assert post(live_server, CHAT, chat("Name a colour."), key).status_code == 200


def test_a_stream_is_told_again(live_server: LiveServer, key: str) -> None:
    asked = chat("Name a colour.", stream=True)
    first = post(live_server, CHAT, asked, key)
    again = post(live_server, CHAT, asked, key)
    assert first.text.endswith("data: [DONE]\n\n")
    assert again.text.endswith("data: [DONE]\n\n")
    assert again.headers["x-batchin-run-id"] == first.headers["x-batchin-run-id"]


def test_a_response_is_told_again(live_server: LiveServer, key: str) -> None:
    asked = {"model": "qwen3-32b", "input": "Name a colour.", "max_output_tokens": 4, "stream": True}
    first = post(live_server, "/v1/responses", asked, key)
    again = post(live_server, "/v1/responses", asked, key)
    assert first.text.splitlines()[-2].split("data: ")[1][:200] != ""
    assert [line for line in again.text.splitlines() if line.startswith("event: ")][-1] == [
        line for line in first.text.splitlines() if line.startswith("event: ")
    ][-1]
    assert again.headers["x-batchin-run-id"] == first.headers["x-batchin-run-id"]


async def test_of_many_at_once_one_runs(live_server: LiveServer, key: str) -> None:
    before = requests_made(live_server)
    headers = {"Authorization": f"Bearer {live_server.api_key}", "Idempotency-Key": key}
    async with httpx.AsyncClient(base_url=live_server.url, headers=headers, timeout=60) as client:
        answers = await asyncio.gather(
            *(client.post(CHAT, json=chat("Name a colour.")) for _ in range(16))
        )
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert requests_made(live_server) == before + 1
    refused = [answer for answer in answers if answer.status_code == 409]
    assert all(answer.json()["error"]["code"] == "idempotency_conflict" for answer in refused)


@pytest.mark.parametrize("wrong", ["x" * 256, "a\tb"])
def test_a_key_has_a_form(live_server: LiveServer, wrong: str) -> None:
    answer = post(live_server, CHAT, chat("Name a colour."), wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "Idempotency-Key"


def test_a_file_of_tasks_is_taken_once_a_key(live_server: LiveServer) -> None:
    headers = {"Authorization": f"Bearer {live_server.api_key}"}
    task = b'{"custom_id": "a", "url": "/v1/embeddings", "body": {"model": "bge-m3", "input": "x"}}'
    with httpx.Client(base_url=live_server.url + "/v1", headers=headers, timeout=60) as http:
        file = http.post("/files", data={"purpose": "batch"}, files={"file": task}).json()
        asked = {"input_file_id": file["id"], "endpoint": "/v1/embeddings"}
        once = {"Idempotency-Key": str(uuid.uuid4())}
        made = [http.post("/batches", json=asked, headers=once) for _ in range(3)]
        assert [answer.status_code for answer in made] == [200, 200, 200]
        assert len({answer.json()["id"] for answer in made}) == 1
        other = http.post("/batches", json=asked | {"metadata": {"a": "b"}}, headers=once)
        assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")
