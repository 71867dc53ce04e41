"""What is kept of prompts can be erased, by its owner alone: samples, their replays, and all of it."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contract.account.conftest import Member
from tests.contract.account.test_prompt_trials import BETTER, RULE, replay, sample
from tests.contract.account.test_prompt_use import CAPITAL, ask
from tests.live import LiveServer
from tests.watched import Watched

PATIENCE_S = 60


@pytest.fixture
def member(join: Callable[[], Member]) -> Member:
    return join()


@pytest.fixture
def http(member: Member) -> httpx.Client:
    """A key that opted into samples, and a prompt with two versions."""
    made = member.http.post("/v1/keys", json={"name": "sampled", "keeps_samples": True}).json()
    http = member.with_key(made["key"])
    http.post("/v1/prompts", json={**CAPITAL, "promote": True}).raise_for_status()
    http.post("/v1/prompts", json=BETTER).raise_for_status()
    return http


def kept(server: LiveServer, account_id: str) -> dict[str, int]:
    """How many rows of an account each table of prompts holds."""
    tables = ("prompt", "prompt_version", "prompt_sample", "prompt_trial")
    count = "SELECT count(*) FROM {} WHERE account_id = ?"
    return {name: Watched(server).rows(count.format(name), account_id)[0][0] for name in tables}


def eventually(true: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def replays(http: httpx.Client) -> list[Any]:
    return [b for b in http.get("/v1/batches").json() if (b["metadata"] or {}).get("regression_id")]


def test_samples_go_with_the_batches_that_replayed_them(
    live_server: LiveServer, member: Member, http: httpx.Client
) -> None:
    sample(http, "France", "Italy", "Spain")
    rule = {**RULE, "auto_promote": False}
    assert replay(http, "v2", rule=rule)["sample_count"] == 3
    assert len(replays(http)) == 2
    assert kept(live_server, member.account_id)["prompt_sample"] == 3

    gone = http.delete("/v1/prompts/capital/samples").json()
    assert (gone["object"], gone["deleted"], gone["samples"]) == ("prompt.samples.deleted", True, 3)
    assert kept(live_server, member.account_id)["prompt_sample"] == 0
    assert replays(http) == []
    assert replay(http, "v2", rule=rule)["status"] == "no_samples"
    assert http.get("/v1/prompts/capital").json()["promoted_version_id"] == "capital@v1"

    sample(http, "France")  # what is sampled later is kept again
    assert kept(live_server, member.account_id)["prompt_sample"] == 1


def test_a_prompt_goes_with_everything(
    live_server: LiveServer, member: Member, http: httpx.Client
) -> None:
    runs = sample(http, "France")
    replay(http, "v2", samples=1, rule={**RULE, "min_samples": 1, "auto_promote": False})
    begun = http.post("/v1/experiments", json={"registry_id": "capital", "candidate": "v2"}).json()
    answer = ask(http, {"id": "capital", "variables": {"land": "France"}}, max_tokens=1)
    outcome = {"run_id": answer.headers["x-batchin-run-id"], "good": True}
    url = f"/v1/experiments/{begun['experiment_id']}"
    http.post(f"{url}/outcomes", json=outcome).raise_for_status()

    gone = http.delete("/v1/prompts/capital").json()
    assert (gone["object"], gone["versions"], gone["samples"]) == ("prompt.deleted", 2, 2)
    assert set(kept(live_server, member.account_id).values()) == {0}
    trial = begun["experiment_id"].removeprefix("pexp_")
    outcomes = "SELECT count(*) FROM prompt_outcome WHERE trial_id = ?"
    assert Watched(live_server).rows(outcomes, trial) == [(0,)]
    assert http.get(url).status_code == 404
    assert http.get("/v1/prompt-regressions").json() == {
        "status": "no_samples",
        "docs": "/docs/experiments",
        "items": [],
    }
    assert ask(http, {"id": "capital", "variables": {"land": "France"}}).status_code == 404
    assert http.delete("/v1/prompts/capital").status_code == 404
    # records, charges and the name under which calls ran stay
    assert http.get(f"/v1/vaas/{runs[0].replace('run_', 'vaas_')}/verify").json()["valid"] is True
    [item] = http.get("/v1/prompts").json()["items"]
    assert (item["source"], item["total_runs"]) == ("auto_backfill", 2)


def test_a_regression_that_runs_ends_and_stops_costing(
    live_server: LiveServer, member: Member, http: httpx.Client
) -> None:
    sample(http, "France", "Italy", "Spain")
    body = {"registry_id": "capital", "candidate": "v2", "budget_cents": 100}
    http.post("/v1/prompt-regressions", json=body).raise_for_status()
    http.delete("/v1/prompts/capital").raise_for_status()
    assert set(kept(live_server, member.account_id).values()) == {0}
    # a batch that began in that moment goes as well, and holds nothing any more
    eventually(lambda: replays(http) == [])
    eventually(lambda: http.get("/v1/users/me").json()["held_usd"] == "0.00")


def test_nobody_erases_what_is_anothers(
    live_server: LiveServer, member: Member, http: httpx.Client, join: Callable[[], Member]
) -> None:
    sample(http, "France")
    before = kept(live_server, member.account_id)
    other = join().http
    for path in ("/v1/prompts/capital", "/v1/prompts/capital/samples"):
        answer = other.delete(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert httpx.delete(live_server.url + path, trust_env=False).status_code == 401
    assert kept(live_server, member.account_id) == before


def test_an_operator_erases_too(live_server: LiveServer, member: Member, http: httpx.Client) -> None:
    sample(http, "France")
    watched = Watched(live_server)
    asked = {"account": member.account_id, "name": "capital"}
    assert watched.ask("prompts.delete_samples", **asked)["samples"] == 1
    assert watched.ask("prompts.delete", **asked)["versions"] == 2
    assert set(kept(live_server, member.account_id).values()) == {0}


def test_responses_are_sampled_and_replayed_as_responses(http: httpx.Client) -> None:
    for land in ("France", "Italy", "Spain"):
        prompt = {"id": "capital", "variables": {"land": land}}
        asked = {"model": "qwen3-32b", "prompt": prompt, "max_output_tokens": 16, "temperature": 0}
        http.post("/v1/responses", json=asked).raise_for_status()
    ended = replay(http, "v2", rule=RULE)
    assert (ended["status"], ended["sample_count"], ended["pass_count"]) == ("passed", 3, 3)
    assert ended["avg_similarity"] > 0


def automatic(http: httpx.Client, **asked: Any) -> httpx.Response:
    return http.post("/v1/prompts/capital/automatic", json={"budget_cents": 100, **asked})


def test_a_new_version_is_replayed_and_promoted_by_itself(http: httpx.Client) -> None:
    sample(http, "France", "Italy", "Spain")
    shown = automatic(http, rule=RULE).json()
    assert shown["automatic"]["budget_cents"] == 100
    assert "caller" not in shown["automatic"]
    third = {**BETTER, "version": "third", "description": "The same words, once more."}
    for _ in range(2):  # the same version again begins nothing
        http.post("/v1/prompts", json=third).raise_for_status()

    def ended() -> Any:
        items = http.get("/v1/prompt-regressions").json()["items"]
        return items if items and all(item["ended_at"] for item in items) else None

    [item] = eventually(ended)
    assert item["candidate_prompt_version_id"] == "capital@third"
    assert (item["status"], item["pass_count"]) == ("passed", 3)
    assert http.get("/v1/prompts/capital").json()["promoted_version_id"] == "capital@third"

    assert http.delete("/v1/prompts/capital/automatic").json()["automatic"] is None
    http.post(
        "/v1/prompts", json={**CAPITAL, "version": "fourth", "description": "4"}
    ).raise_for_status()
    assert len(http.get("/v1/prompt-regressions").json()["items"]) == 1


def test_what_can_not_go_on_by_itself_is_told(member: Member, http: httpx.Client) -> None:
    sample(http, "France")
    made = member.http.post("/v1/keys", json={"name": "payer"}).json()
    automatic(member.with_key(made["key"])).raise_for_status()
    member.http.delete(f"/v1/keys/{made['id']}").raise_for_status()
    http.post("/v1/prompts", json={**BETTER, "version": "third", "description": "3"}).raise_for_status()

    def ended() -> Any:
        items = http.get("/v1/prompt-regressions").json()["items"]
        return items if items and items[0]["ended_at"] else None

    [item] = eventually(ended)
    assert item["status"] == "incomplete"
    assert item["reasons"] == ["API key is invalid or missing"]


def test_who_may_automate(http: httpx.Client, join: Callable[[], Member]) -> None:
    assert join().http.post("/v1/prompts/capital/automatic", json={"budget_cents": 1}).status_code == 404
    assert automatic(http, budget_cents=0).status_code == 400
    assert automatic(http, rule={"checks": [{"type": "regex", "pattern": "("}]}).status_code == 400
