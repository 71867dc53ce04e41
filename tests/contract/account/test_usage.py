"""An account sees what it used and spent, to the nano-dollar, and nobody else does."""

from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest

from tests.contract.account.conftest import CHAT, EMBED, Member
from tests.live import LiveServer

Join = Callable[[], Member]
VIEWS = (
    "summary",
    "logs",
    "by-model",
    "by-tool",
    "by-api-key",
    "by-day",
    "meter-events",
    "cost-breakdown",
)


def test_the_balance_falls_by_what_usage_tells(join: Join) -> None:
    member = join()
    before = member.http.get("/v1/users/me").json()
    assert before["id"] == member.account_id
    assert (before["email"], before["credit_balance_cents"]) == ("someone@example.com", 100)
    chat = member.http.post("/v1/chat/completions", json=CHAT).raise_for_status()
    member.http.post("/v1/embeddings", json=EMBED).raise_for_status()
    total = member.http.get("/v1/usage/summary").raise_for_status().json()
    assert total["total_requests"] == 2
    after = member.http.get("/v1/users/me").json()
    spent = Decimal(before["credit_balance_usd"]) - Decimal(after["credit_balance_usd"])
    assert spent == Decimal(total["total_cost_usd"]) > 0
    assert (after["held_usd"], after["credit_balance_cents"]) == ("0.00", 99)
    newest, oldest = member.http.get("/v1/usage/logs").raise_for_status().json()
    assert (newest["tool"], oldest["tool"]) == ("embed", "chat")
    assert oldest["run_id"] == chat.headers["x-batchin-run-id"]
    assert oldest["record_id"] == chat.headers["x-vaas-record-id"]
    usage = chat.json()["usage"]
    assert oldest["input_tokens"] == usage["prompt_tokens"]
    assert oldest["output_tokens"] == usage["completion_tokens"]
    assert Decimal(newest["cost_usd"]) + Decimal(oldest["cost_usd"]) == spent
    assert total["total_input_tokens"] == newest["input_tokens"] + oldest["input_tokens"]


def test_every_dimension_sums_to_the_same_total(join: Join) -> None:
    member = join()
    second = member.http.post("/v1/keys", json={"name": "second"}).raise_for_status().json()
    for http in (member.http, member.with_key(second["key"])):
        http.post("/v1/embeddings", json=EMBED).raise_for_status()
    member.http.post("/v1/chat/completions", json=CHAT).raise_for_status()
    costs = member.http.get("/v1/usage/cost-breakdown").raise_for_status().json()
    for dimension in ("by_model", "by_tool", "by_api_key", "by_day"):
        listed = member.http.get(f"/v1/usage/{dimension.replace('_', '-')}").raise_for_status().json()
        assert listed == costs[dimension]
        assert sum(item["total_requests"] for item in listed) == costs["total_requests"] == 3
        assert sum(Decimal(item["total_cost_usd"]) for item in listed) == Decimal(
            costs["total_cost_usd"]
        )
    by_key = {item["key_id"]: item for item in costs["by_api_key"]}
    assert by_key[second["id"]]["key_name"] == "second"
    assert by_key[second["id"]]["total_requests"] == 1
    assert by_key[member.key_id]["total_requests"] == 2
    assert {item["model"] for item in costs["by_model"]} == {"qwen3-32b", "bge-m3"}


def test_meter_events_add_up_to_the_tokens(join: Join) -> None:
    member = join()
    answer = member.http.post("/v1/chat/completions", json=CHAT).raise_for_status().json()
    events = member.http.get("/v1/usage/meter-events").raise_for_status().json()
    assert {event["event_name"]: event["value"] for event in events} == {
        "chat.input_tokens": answer["usage"]["prompt_tokens"],
        "chat.output_tokens": answer["usage"]["completion_tokens"],
    }
    assert len({event["identifier"] for event in events}) == 2


def test_pages_spans_and_one_run(join: Join) -> None:
    member = join()
    runs = [
        member.http.post("/v1/embeddings", json=EMBED).raise_for_status().headers["x-batchin-run-id"]
        for _ in range(3)
    ]

    def listed(query: str) -> list[str]:
        answer = member.http.get(f"/v1/usage/logs?{query}").raise_for_status().json()
        return [run["run_id"] for run in answer]

    assert listed("limit=2") == runs[:0:-1]
    assert listed("limit=2&offset=2") == runs[:1]
    assert listed(f"run_id={runs[1]}") == [runs[1]]
    assert listed("run_id=nonsense") == []
    assert listed("until=1000000000") == []
    assert listed("since=1000000000") == runs[::-1]
    assert member.http.get("/v1/usage/summary?until=1").json()["total_requests"] == 0


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("offset=-1", "offset"),
        ("limit=1&limit=2", "limit"),
        ("since=5&until=4", "until"),
        ("color=red", "color"),
        (f"offset={'9' * 30}", "offset"),
    ],
)
def test_a_bad_query_names_what_is_wrong(join: Join, query: str, param: str) -> None:
    answer = join().http.get(f"/v1/usage/logs?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("view", VIEWS)
def test_nobody_sees_the_usage_of_others(join: Join, view: str) -> None:
    rich, poor = join(), join()
    run = rich.http.post("/v1/embeddings", json=EMBED).raise_for_status().headers["x-batchin-run-id"]
    answer = poor.http.get(f"/v1/usage/{view}").raise_for_status().json()
    assert run not in str(answer)
    assert answer == [] or answer["total_requests"] == 0
    asked = poor.http.get(f"/v1/usage/logs?run_id={run}").raise_for_status().json()
    assert asked == []


@pytest.mark.parametrize("path", ["/v1/users/me", *(f"/v1/usage/{view}" for view in VIEWS), "/v1/keys"])
def test_without_a_key_there_is_nothing_to_see(live_server: LiveServer, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer batchin_api_guessed"}):
        answer = httpx.get(live_server.url + path, headers=headers, trust_env=False)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "unauthorized"
        assert answer.headers["x-request-id"]


def test_over_its_budget_a_key_is_told_with_the_sums(join: Join) -> None:
    member = join()
    made = member.http.post("/v1/keys", json={"monthly_budget_cents": 0}).raise_for_status().json()
    poor = member.with_key(made["key"])
    assert poor.post("/v1/embeddings", json=EMBED).status_code == 402
    answer = poor.get("/v1/usage/summary")
    assert answer.status_code == 402
    assert answer.json()["error"]["code"] == "payment_required"
    assert answer.json()["error"]["message"] == "API key monthly budget exceeded"
    assert answer.json()["total_requests"] == 0
