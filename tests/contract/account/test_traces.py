"""Traces over HTTP: a caller's own calls, by trace, by run and by record; nobody else's."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.live import LiveServer
from tests.operator import new_key

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def http(live_server: LiveServer) -> httpx.Client:
    headers = {"Authorization": f"Bearer {new_key(live_server.data_dir)}"}
    return httpx.Client(base_url=live_server.url + "/v1", headers=headers)


def embedded(http: httpx.Client, text: str) -> Mapping[str, str]:
    body = {"model": "bge-m3", "input": text}
    answer = http.post("/embeddings", json=body, headers={"traceparent": PARENT})
    return answer.raise_for_status().headers


def trace(http: httpx.Client, name: str) -> Any:
    return http.get(f"/traces/{name}").raise_for_status().json()


def test_a_trace_holds_its_runs_in_their_order(http: httpx.Client) -> None:
    first, second = embedded(http, "one"), embedded(http, "two")
    runs = [answer["x-batchin-run-id"] for answer in (first, second)]
    told = trace(http, TRACE)
    assert (told["customer_trace_id"], told["run_id"]) == (TRACE, runs[0])
    assert [run["run_id"] for run in told["runs"]] == runs
    assert [run["record_id"] for run in told["runs"]] == [
        answer["x-vaas-record-id"] for answer in (first, second)
    ]
    assert trace(http, TRACE.upper()) == told
    for name in (runs[1], second["x-vaas-record-id"]):
        assert trace(http, name)["run_id"] == runs[1]


def test_the_newest_come_first(http: httpx.Client) -> None:
    runs = [embedded(http, text)["x-batchin-run-id"] for text in ("one", "two", "three")]
    items = http.get("/traces", params={"limit": 2}).raise_for_status().json()["items"]
    assert [item["run_id"] for item in items] == [runs[2], runs[1]]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "two", "1.5"])
def test_a_wrong_limit_is_named(http: httpx.Client, limit: str) -> None:
    answer = http.get("/traces", params={"limit": limit})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit")


def test_traces_are_their_owners(http: httpx.Client, live_server: LiveServer) -> None:
    answer = embedded(http, "one")
    other = {"Authorization": f"Bearer {new_key(live_server.data_dir)}"}
    for name in (TRACE, answer["x-batchin-run-id"], answer["x-vaas-record-id"], "run_no", "%00", "é"):
        refused = http.get(f"/traces/{name}", headers=other)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
    assert http.get("/traces", headers=other).json()["items"] == []
    assert httpx.get(f"{live_server.url}/v1/traces").status_code == 401


def test_a_trace_of_many_runs_shows_them(http: httpx.Client) -> None:
    runs = [embedded(http, "one of many")["x-batchin-run-id"] for _ in range(22)]
    told = trace(http, TRACE)
    assert [run["run_id"] for run in told["runs"]] == runs
    assert told["runs_left_out"] == 0


def test_a_trace_shows_the_steps_of_its_call(http: httpx.Client) -> None:
    told = trace(http, embedded(http, "steps")["traceparent"].split("-")[1])
    call, *steps = told["spans"]
    assert call["name"] == "embeddings bge-m3"
    assert (call["parent_span_id"], call["kind"], call["status"]) == (
        "00f067aa0ba902b7",
        "server",
        "unset",
    )
    assert call["run_id"] == told["run_id"]
    assert call["attributes"]["gen_ai.operation.name"] == "embeddings"
    assert call["attributes"]["gen_ai.usage.input_tokens"] == told["input_tokens"]
    assert call["attributes"]["batchin.record_id"] == told["record_id"]
    assert {step["name"] for step in steps} == {"admission", "hold", "engine", "first token", "capture"}
    by_name = {span["name"]: span for span in told["spans"]}
    assert by_name["first token"]["parent_span_id"] == by_name["engine"]["span_id"]
    for step in steps:
        assert int(call["start_ns"]) <= int(step["start_ns"]) <= int(step["end_ns"])
        assert int(step["end_ns"]) <= int(call["end_ns"])
    ends = [int(by_name[name]["end_ns"]) for name in ("admission", "hold", "engine", "capture")]
    assert ends == sorted(ends)
    assert trace(http, TRACE)["spans"] == told["spans"]  # ids are the same at each reading
