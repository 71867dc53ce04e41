"""Regressions and experiments: a worse version is caught, a better one promoted, callers are split."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from tests.contract.account.conftest import Member
from tests.contract.account.test_prompt_use import CAPITAL, PARROT, ask

PATIENCE_S = 60
BETTER = {
    "name": "capital",
    "messages": [{"role": "user", "content": "What is the capital of {{land}}? Name the city alone."}],
}
NO_PARROT = {"type": "regex", "pattern": r"(?is)\A(?!.*banana)"}
RULE = {"checks": [NO_PARROT], "auto_promote": True}


@pytest.fixture
def http(join: Callable[[], Member]) -> httpx.Client:
    """A key that opted into samples, and a prompt with a promoted version, a worse and a better one."""
    joined = join()
    made = joined.http.post("/v1/keys", json={"name": "sampled", "keeps_samples": True}).json()
    assert made["keeps_samples"] is True
    http = joined.with_key(made["key"])
    http.post("/v1/prompts", json={**CAPITAL, "promote": True}).raise_for_status()
    for version in (PARROT, BETTER):
        http.post("/v1/prompts", json=version).raise_for_status()
    return http


def sample(http: httpx.Client, *lands: str) -> list[str]:
    """Calls of the promoted version: their runs."""
    answers = [ask(http, {"id": "capital", "variables": {"land": land}}) for land in lands]
    return [answer.headers["x-batchin-run-id"] for answer in answers]


def replay(http: httpx.Client, candidate: str, **asked: Any) -> dict[str, Any]:
    """A regression, when it has ended."""
    body = {"registry_id": "capital", "candidate": candidate, "budget_cents": 100, **asked}
    made = http.post("/v1/prompt-regressions", json=body)
    assert made.status_code == 200, made.text
    deadline = time.monotonic() + PATIENCE_S
    while True:
        items = http.get("/v1/prompt-regressions").json()["items"]
        [now] = [item for item in items if item["regression_id"] == made.json()["regression_id"]]
        if now["ended_at"] is not None:
            return dict(now)
        assert time.monotonic() < deadline, now
        time.sleep(0.05)


def experiment(http: httpx.Client, regression: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = http.get(f"/v1/experiments/{regression['experiment_id']}").json()
    return found


def promoted(http: httpx.Client) -> str:
    return str(http.get("/v1/prompts/capital").json()["promoted_version_id"])


def test_a_worse_version_is_caught_a_better_one_promoted_and_rolled_back(http: httpx.Client) -> None:
    runs = sample(http, "France", "Italy", "Spain")
    worse = replay(http, "v2", rule=RULE)
    assert (worse["status"], worse["judge"]) == ("failed", "deterministic_replay")
    assert (worse["sample_count"], worse["pass_count"], worse["fail_count"]) == (3, 0, 3)
    assert worse["baseline_pass_count"] == 3
    assert {found["run_id"] for found in worse["samples"]} == set(runs)
    assert all(found["failed_checks"] == ["regex"] for found in worse["samples"])
    assert experiment(http, worse)["promotion_status"] == "not_promoted"
    assert promoted(http) == "capital@v1"

    better = replay(http, "capital@v3", rule=RULE)
    assert (better["status"], better["pass_count"], better["reasons"]) == ("passed", 3, [])
    assert 0 < better["avg_similarity"] <= 1
    assert better["candidate_avg_latency_ms"] > 0
    told = experiment(http, better)
    assert (told["promotion_status"], told["sample_count"], told["pass_rate"]) == ("promoted", 3, 1)
    assert promoted(http) == "capital@v3"

    assert http.post("/v1/prompts/capital/rollback").json()["promoted_version_id"] == "capital@v1"


def test_a_replay_is_paid_by_its_account_within_its_budget(http: httpx.Client) -> None:
    sample(http, "France")
    before = http.get("/v1/usage/summary").json()["total_requests"]
    ended = replay(http, "v3", samples=1, rule={**RULE, "min_samples": 1})
    batches = [
        batch
        for batch in http.get("/v1/batches").json()
        if (batch["metadata"] or {}).get("regression_id") == ended["regression_id"]
    ]
    assert [batch["priority"] for batch in batches] == ["fill", "fill"]
    assert sum(float(batch["cost_usd"]) for batch in batches) == pytest.approx(float(ended["cost_usd"]))
    assert 0 < float(ended["cost_usd"]) < 1
    tasks = sum(batch["total_tasks"] for batch in batches)
    after = http.get("/v1/usage/summary").json()["total_requests"]
    assert after == before + tasks + len(batches)
    [item] = http.get("/v1/prompts").json()["items"]
    assert item["total_runs"] == 1  # replays are no runs of the prompt


def test_a_candidate_that_answers_alike_passes_by_similarity(http: httpx.Client) -> None:
    sample(http, "France", "Italy", "Spain")
    same = {**CAPITAL, "version": "same", "description": "The same words."}
    http.post("/v1/prompts", json=same).raise_for_status()
    ended = replay(http, "same")
    assert (ended["status"], ended["avg_similarity"]) == ("passed", 1)
    assert experiment(http, ended)["promotion_status"] == "not_promoted"  # nobody asked for it


def test_without_samples_nothing_runs(http: httpx.Client, join: Callable[[], Member]) -> None:
    ended = replay(http, "v3")
    assert (ended["status"], ended["sample_count"], ended["batch_id"]) == ("no_samples", 0, None)
    other = join().http  # its key opted into nothing
    other.post("/v1/prompts", json={**CAPITAL, "promote": True}).raise_for_status()
    other.post("/v1/prompts", json=BETTER).raise_for_status()
    ask(other, {"id": "capital", "variables": {"land": "France"}})
    assert replay(other, "v2")["status"] == "no_samples"


@pytest.mark.parametrize(
    ("asked", "status", "param"),
    [
        ({"candidate": "v1"}, 400, "candidate"),
        ({"candidate": "v9"}, 404, "id"),
        (
            {"candidate": "v2", "baseline": "v3", "rule": {"auto_promote": True}},
            400,
            "rule.auto_promote",
        ),
        ({"candidate": "v2", "rule": {"checks": [{"type": "regex", "pattern": "("}]}}, 400, None),
        ({"candidate": "v2", "registry_id": "nothing"}, 404, "id"),
        ({"candidate": "v2", "budget_cents": 0}, 400, "budget_cents"),
    ],
    ids=str,
)
def test_what_can_not_be_replayed_is_told(
    http: httpx.Client, asked: Mapping[str, Any], status: int, param: str | None
) -> None:
    body = {"registry_id": "capital", "budget_cents": 100, **asked}
    refused = http.post("/v1/prompt-regressions", json=body)
    assert refused.status_code == status, refused.text
    if param is not None:
        assert refused.json()["error"]["param"] == param


def test_callers_are_split_and_outcomes_counted(http: httpx.Client) -> None:
    body = {"registry_id": "capital", "candidate": "v3", "share": 0.5}
    begun = http.post("/v1/experiments", json=body).json()
    assert (begun["kind"], begun["status"], begun["promotion_status"]) == ("split", "running", "pending")
    assert http.post("/v1/experiments", json=body).status_code == 400  # one at a time
    seen: dict[str, set[str]] = {}
    runs: dict[str, str] = {}
    for user in ("ann", "bob", "cleo", "ann"):
        prompt = {"id": "capital", "variables": {"land": "France"}}
        answer = ask(http, prompt, user=user, max_tokens=1)
        seen.setdefault(user, set()).add(answer.headers["x-batchin-prompt-version"])
        runs[answer.headers["x-batchin-run-id"]] = answer.headers["x-batchin-prompt-version"]
    assert all(len(versions) == 1 for versions in seen.values())
    url = f"/v1/experiments/{begun['experiment_id']}"
    for run_id, version in runs.items():
        told = {"run_id": run_id, "good": version == "capital@v3"}
        assert http.post(f"{url}/outcomes", json=told).status_code == 200
        assert http.post(f"{url}/outcomes", json=told).status_code == 200  # counted once
    shown = http.get(url).json()
    counts = {arm["version_id"]: (arm["runs"], arm["outcomes"], arm["good"]) for arm in shown["arms"]}
    versions = list(runs.values())
    for version, good in (("capital@v1", False), ("capital@v3", True)):
        count = versions.count(version)
        assert counts[version] == (count, count, count if good else 0)
    ended = http.post(f"{url}/stop", json={"promote": True}).json()
    assert (ended["status"], ended["promotion_status"]) == ("stopped", "promoted")
    assert promoted(http) == "capital@v3"
    after = ask(http, {"id": "capital", "variables": {"land": "France"}}, user="ann", max_tokens=1)
    assert after.headers["x-batchin-prompt-version"] == "capital@v3"


def test_others_do_not_see_it(http: httpx.Client, join: Callable[[], Member]) -> None:
    body = {"registry_id": "capital", "candidate": "v3"}
    url = f"/v1/experiments/{http.post('/v1/experiments', json=body).json()['experiment_id']}"
    run_id = sample(http, "France")[0]
    other = join().http
    for answer in (
        other.get(url),
        other.post(f"{url}/stop", json={}),
        other.post(f"{url}/outcomes", json={"run_id": run_id, "good": True}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert other.get("/v1/experiments").json()["items"] == []
    unknown = http.post(f"{url}/outcomes", json={"run_id": "run_" + "0" * 32, "good": True})
    assert unknown.status_code == 404
