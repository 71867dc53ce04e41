"""Idempotency-Key on what is free: what was made once is not made again, and its secrets are sealed."""

import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from server.tables import DATABASE
from tests.live import LiveServer
from tests.operator import new_key


@pytest.fixture
def http(live_server: LiveServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {new_key(live_server.data_dir)}"}
    with httpx.Client(base_url=live_server.url + "/v1", headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def named() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def everything_stored(live_server: LiveServer) -> bytes:
    folder = live_server.data_dir
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint")
    return b"".join(path.read_bytes() for path in folder.glob(f"{DATABASE}*"))


def test_an_api_key_is_made_once_and_stored_nowhere_in_clear(
    live_server: LiveServer, http: httpx.Client, named: dict[str, str]
) -> None:
    first = http.post("/keys", json={"name": "ci"}, headers=named)
    again = http.post("/keys", json={"name": "ci"}, headers=named)
    assert first.status_code == 200
    assert (again.status_code, again.content) == (200, first.content)
    assert [key["name"] for key in http.get("/keys").json()].count("ci") == 1
    stored = everything_stored(live_server)
    assert first.json()["id"].encode() in stored
    assert first.json()["key"].encode() not in stored
    assert named["Idempotency-Key"].encode() not in stored


def test_another_body_another_path_and_another_key_are_other_requests(
    live_server: LiveServer, http: httpx.Client, named: dict[str, str]
) -> None:
    made = http.post("/keys", json={"name": "ci"}, headers=named)
    for path, body in (("/keys", {"name": "cd"}), ("/webhooks/secret", {"rotate": True})):
        other = http.post(path, json=body, headers=named)
        assert other.status_code == 422
        assert other.json()["error"]["code"] == "idempotency_mismatch"
        assert other.json()["error"]["param"] == "Idempotency-Key"
    sibling = {"Authorization": f"Bearer {made.json()['key']}", **named}
    assert http.post("/keys", json={"name": "ci"}, headers=sibling).status_code == 422
    stranger = {"Authorization": f"Bearer {new_key(live_server.data_dir)}", **named}
    theirs = http.post("/keys", json={"name": "ci"}, headers=stranger)
    assert theirs.json()["key"] != made.json()["key"]


def test_a_secret_is_rotated_once(http: httpx.Client, named: dict[str, str]) -> None:
    first = http.post("/webhooks/secret", json={"rotate": True}, headers=named).json()["secret"]
    again = http.post("/webhooks/secret", json={"rotate": True}, headers=named).json()["secret"]
    assert first == again == http.post("/webhooks/secret").json()["secret"]


def test_what_was_refused_frees_the_key(http: httpx.Client, named: dict[str, str]) -> None:
    assert http.post("/keys", json={"nmae": "ci"}, headers=named).status_code == 400
    assert http.post("/keys", json={"name": "ci"}, headers=named).status_code == 200


def test_a_file_is_uploaded_once(http: httpx.Client, named: dict[str, str]) -> None:
    def upload(content: bytes) -> httpx.Response:
        files = {"file": ("a.jsonl", content)}
        return http.post("/files", data={"purpose": "batch"}, files=files, headers=named)

    first = upload(b"{}\n")
    assert first.json() == upload(b"{}\n").json()
    assert len(http.get("/files").json()["data"]) == 1
    other = upload(b"[]\n")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")
    assert len(http.get("/files").json()["data"]) == 1
    http.delete(f"/files/{first.json()['id']}")
    gone = upload(b"{}\n")
    assert (gone.status_code, gone.json()["error"]["param"]) == (404, "Idempotency-Key")


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_named(http: httpx.Client, key: str) -> None:
    refused = http.post("/keys", json={}, headers={"Idempotency-Key": key})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "Idempotency-Key")
    assert refused.headers["x-request-id"]


def test_a_quote_and_a_wrong_token_under_a_key(
    live_server: LiveServer, http: httpx.Client, named: dict[str, str]
) -> None:
    asked = {"model": "qwen3-32b", "estimated_input_tokens": 10, "estimated_output_tokens": 10}
    first = http.post("/quote", json=asked, headers=named)
    assert first.content == http.post("/quote", json=asked, headers=named).content
    wrong = {"Authorization": "Bearer batchin_api_" + "x" * 40, **named}
    refused = http.post("/keys", json={}, headers=wrong)
    assert (refused.status_code, json.loads(refused.text)["error"]["code"]) == (401, "unauthorized")
    huge = http.post("/keys", content=b" " * 2_200_000, headers={"Idempotency-Key": "of its own"})
    assert huge.status_code == 413


@pytest.mark.parametrize(("texts", "told"), [(1, 200), (6, 422)])
def test_a_long_answer_is_no_reason_to_do_it_again(
    http: httpx.Client, named: dict[str, str], texts: int, told: int
) -> None:
    """The answer of a very long prompt is not kept: that is said, and no version is made."""
    wanted = {"name": "long", "messages": [{"role": "user", "content": "x" * 200_000}] * texts}
    first = http.post("/prompts", json=wanted, headers=named).raise_for_status()
    again = http.post("/prompts", json=wanted, headers=named)
    assert again.status_code == told
    if told == 200:
        assert again.content == first.content
    else:
        assert again.json()["error"]["code"] == "idempotency_mismatch"
    assert len(http.get("/prompts/long").json()["versions"]) == 1
