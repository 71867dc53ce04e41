"""Prompts of an account: observed in calls, made, promoted, rolled back by one request."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from tests.contract.account.conftest import EMBED, Member

BRIEF = [{"role": "system", "content": "Answer {{customer}} briefly."}]
KIND = [{"role": "system", "content": "Answer {{customer}} kindly."}]


@pytest.fixture
def http(join: Callable[[], Member]) -> httpx.Client:
    return join().http


def named(http: httpx.Client, version_id: str) -> None:
    answer = http.post("/v1/embeddings", json=EMBED, headers={"X-BatchIn-Prompt": version_id})
    assert answer.headers["x-batchin-prompt-version"] == version_id


def push(http: httpx.Client, **asked: Any) -> httpx.Response:
    return http.post("/v1/prompts", json={"name": "support", "messages": BRIEF, **asked})


def items(http: httpx.Client) -> list[dict[str, Any]]:
    listed = http.get("/v1/prompts").json()
    assert (listed["status"], listed["docs"]) == ("ready", "/docs/prompts")
    return list(listed["items"])


def states(item: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    return {v["version_id"]: (v["status"], v["total_runs"]) for v in item["versions"]}


def test_what_calls_name_is_observed(http: httpx.Client) -> None:
    assert items(http) == []
    for version_id in ("support@v1", "support@v2", "support@v2"):
        named(http, version_id)
    [item] = items(http)
    assert states(item) == {"support@v1": ("observed", 1), "support@v2": ("observed", 2)}
    assert (item["registry_id"], item["source"], item["total_runs"]) == ("support", "auto_backfill", 3)
    assert (item["latest_version_id"], item["promoted_version_id"]) == ("support@v2", None)


def test_a_version_made_later_is_numbered_after_those_that_calls_named(http: httpx.Client) -> None:
    named(http, "support@v1")
    item = push(http).json()
    assert states(item) == {"support@v1": ("observed", 1), "support@v2": ("registered", 0)}
    assert item["source"] == "registry"
    assert item["versions"][1]["variables"] == ["customer"]
    assert item["versions"][1]["messages"] == BRIEF


def test_a_promotion_is_rolled_back_by_one_request(http: httpx.Client) -> None:
    push(http, promote=True)
    push(http, messages=KIND)
    promoted = http.post("/v1/prompts/support/promote", json={"version": "v2"}).json()
    assert promoted["promoted_version_id"] == "support@v2"
    assert [step["version"] for step in promoted["promotions"]] == ["v1", "v2"]
    back = http.post("/v1/prompts/support/rollback").json()
    assert back["promoted_version_id"] == "support@v1"
    assert http.post("/v1/prompts/support/rollback").json()["promoted_version_id"] is None
    refused = http.post("/v1/prompts/support/rollback")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")


def test_a_version_never_changes(http: httpx.Client) -> None:
    first = push(http, version="v1").json()["versions"][0]
    assert push(http, version="v1").json()["versions"] == [first]
    refused = push(http, version="v1", messages=KIND)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "version")
    assert http.get("/v1/prompts/support").json()["versions"] == [first]


def test_others_see_nothing_of_it(join: Callable[[], Member]) -> None:
    mine, other = join().http, join().http
    push(mine, promote=True)
    assert items(other) == []
    for answer in (
        other.get("/v1/prompts/support"),
        other.post("/v1/prompts/support/promote", json={"version": "v1"}),
        other.post("/v1/prompts/support/rollback"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert [item["promoted_version_id"] for item in items(mine)] == ["support@v1"]


def test_without_samples_it_is_said_so(http: httpx.Client) -> None:
    for path in ("/v1/prompt-regressions", "/v1/experiments"):
        answer = http.get(path).json()
        assert answer == {"status": "no_samples", "docs": "/docs/experiments", "items": []}
