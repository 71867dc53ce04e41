"""People make, list and end the keys of their account over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.account.conftest import EMBED, Member

Join = Callable[[], Member]


def test_a_key_is_shown_once_works_and_is_ended(join: Join) -> None:
    member = join()
    asked = {"name": "Production Key", "rate_limit_rpm": 120, "monthly_budget_cents": 500_000}
    answer = member.http.post("/v1/keys", json=asked)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert {name: made[name] for name in asked} == asked
    assert made["key"].startswith(made["key_prefix"])
    assert made["created_at"].endswith("Z")
    listed = {key["id"]: key for key in member.http.get("/v1/keys").json()}
    assert set(listed) == {member.key_id, made["id"]}
    assert listed[made["id"]] == {name: value for name, value in made.items() if name != "key"}
    fresh = member.with_key(made["key"])
    fresh.post("/v1/embeddings", json=EMBED).raise_for_status()
    ended = member.http.delete(f"/v1/keys/{made['id']}")
    assert (ended.status_code, ended.content) == (204, b"")
    assert fresh.post("/v1/embeddings", json=EMBED).status_code == 401
    after = {key["id"]: key["is_active"] for key in member.http.get("/v1/keys").json()}
    assert after == {member.key_id: True, made["id"]: False}


def test_a_key_without_wishes_is_made(join: Join) -> None:
    member = join()
    for content in (b"", b"{}"):
        made = member.http.post(
            "/v1/keys", content=content, headers={"content-type": "application/json"}
        )
        assert made.status_code == 200, made.text
        assert made.json()["rate_limit_rpm"] is None


def test_keys_of_others_are_not_there(join: Join) -> None:
    mine, theirs = join(), join()
    answer = mine.http.delete(f"/v1/keys/{theirs.key_id}")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "API key not found"
    assert answer.json() == mine.http.delete("/v1/keys/none").json()
    assert theirs.http.get("/v1/users/me").status_code == 200
    assert [key["id"] for key in mine.http.get("/v1/keys").json()] == [mine.key_id]


@pytest.mark.parametrize(
    "limits",
    [
        {"monthly_budget_cents": 5},
        {"rate_limit_rpm": 5},
        {"scopes": ["tool:embed"]},
        {"expires_in_s": 60},
        {"workspace": "lab"},
    ],
)
def test_a_limited_key_makes_no_other_and_ends_only_itself(join: Join, limits: dict[str, Any]) -> None:
    member = join()
    made = member.http.post("/v1/keys", json=limits).raise_for_status().json()
    limited = member.with_key(made["key"])
    assert limited.post("/v1/keys", json={}).status_code == 403
    assert limited.delete(f"/v1/keys/{member.key_id}").status_code == 403
    assert limited.delete(f"/v1/keys/{made['id']}").status_code == 204
    assert member.http.get("/v1/users/me").status_code == 200


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "n" * 129}, "name"),
        ({"rate_limit_rpm": 0}, "rate_limit_rpm"),
        ({"monthly_budget_cents": -1}, "monthly_budget_cents"),
        ({"monthly_budget_cents": 10**30}, "monthly_budget_cents"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"colour": "red"}, "colour"),
        ({"expires_in_s": 0}, "expires_in_s"),
    ],
)
def test_wishes_that_make_no_sense_are_named(join: Join, body: dict[str, Any], param: str) -> None:
    answer = join().http.post("/v1/keys", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
