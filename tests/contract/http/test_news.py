"""GET /console/events: whoever holds a key hears that calls of the account ended, and of no other's."""

from collections.abc import Iterator

import httpx
import pytest

from tests.live import LiveServer

EVENTS = "/console/events"
EMBED = {"model": "bge-m3", "input": "one text"}


@pytest.fixture
def http(live_server: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live_server.url, timeout=60, trust_env=False) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def next_event(lines: Iterator[str]) -> str:
    return next(line.removeprefix("event: ") for line in lines if line.startswith("event: "))


def test_without_a_key_there_are_no_news(http: httpx.Client) -> None:
    answer = http.get(EVENTS)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert http.get(EVENTS, headers=bearer("batchin_api_wrong")).status_code == 401


def test_a_call_is_told_to_its_account(live_server: LiveServer, http: httpx.Client) -> None:
    mine = bearer(live_server.api_key)
    with http.stream("GET", EVENTS, headers=mine) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "no-store" in answer.headers["cache-control"]
        lines = answer.iter_lines()
        assert next_event(lines) == "ready"
        assert http.post("/v1/embeddings", json=EMBED, headers=mine).status_code == 200
        assert next_event(lines) == "calls"
        assert next(lines) == 'data: {"calls":1}'


def test_the_stream_ends_with_its_key(live_server: LiveServer, http: httpx.Client) -> None:
    mine = bearer(live_server.api_key)
    made = http.post("/v1/keys", json={"name": "watcher"}, headers=mine).json()
    with http.stream("GET", EVENTS, headers=bearer(made["key"])) as answer:
        lines = answer.iter_lines()
        assert next_event(lines) == "ready"
        assert http.delete(f"/v1/keys/{made['id']}", headers=mine).status_code == 204
        for _ in lines:
            pass  # it ends by itself
    assert http.get(EVENTS, headers=bearer(made["key"])).status_code == 401
