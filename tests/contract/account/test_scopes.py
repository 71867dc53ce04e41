"""A key with scopes reaches nothing else by another way: batches, files, responses, webhooks."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contract.account.conftest import EMBED, Member

Join = Callable[[], Member]
CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "Say yes."}]
BODY = {"model": "qwen3-32b", "messages": MESSAGES, "max_tokens": 3}


def scoped(member: Member, *scopes: str) -> httpx.Client:
    made = member.http.post("/v1/keys", json={"scopes": list(scopes)}).raise_for_status().json()
    return member.with_key(made["key"])


def uploaded(http: httpx.Client) -> str:
    line = {"custom_id": "a", "method": "POST", "url": CHAT, "body": BODY}
    form = {"purpose": "batch"}
    answer = http.post("/v1/files", data=form, files={"file": ("in.jsonl", json.dumps(line).encode())})
    return str(answer.raise_for_status().json()["id"])


def of_file(http: httpx.Client, file_id: str) -> httpx.Response:
    asked = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
    return http.post("/v1/batches", json=asked)


def ended(http: httpx.Client, batch_id: str) -> Any:
    deadline = time.monotonic() + 60
    while (found := http.get(f"/v1/batches/{batch_id}").json())["status"] not in ("completed", "failed"):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("scope", ["tool:embed", "endpoint:/v1/embeddings"])
def test_a_batch_is_no_way_around_the_scopes_of_a_key(join: Join, scope: str) -> None:
    member = join()
    limited = scoped(member, scope)
    limited.post("/v1/embeddings", json=EMBED).raise_for_status()
    task = {"custom_id": "a", "model": "qwen3-32b", "request_body": {"messages": MESSAGES}}
    assert limited.post("/v1/batches", json={"tasks": [task]}).status_code == 403
    assert of_file(limited, uploaded(member.http)).status_code == 403
    assert member.http.get("/v1/batches").json() == []


@pytest.mark.parametrize(
    "scopes",
    [("model:bge-m3",), ("tool:batch", "tool:embed"), ("endpoint:/v1/batches",)],
    ids=["model", "tool", "endpoint"],
)
def test_tasks_are_held_to_the_scopes_of_the_key(join: Join, scopes: tuple[str, ...]) -> None:
    member = join()
    batch = of_file(scoped(member, *scopes), uploaded(member.http)).raise_for_status().json()
    done = ended(member.http, batch["id"])
    assert done["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
    assert done["cost_usd"] == "0.00"
    line = json.loads(member.http.get(f"/v1/files/{done['error_file_id']}/content").text)
    assert (line["response"]["status_code"], line["response"]["body"]["error"]["code"]) == (
        403,
        "forbidden",
    )


def test_a_key_that_may_call_the_tasks_runs_them(join: Join) -> None:
    member = join()
    limited = scoped(member, "tool:batch", "tool:chat", "model:qwen3-32b")
    batch = of_file(limited, uploaded(member.http)).raise_for_status().json()
    assert ended(limited, batch["id"])["completed_tasks"] == 1


def test_an_endpoint_scope_keeps_a_key_from_what_the_account_has(join: Join) -> None:
    member = join()
    file_id = uploaded(member.http)
    batch_id = of_file(member.http, file_id).raise_for_status().json()["id"]
    limited = scoped(member, "endpoint:/v1/embeddings")
    for method, path in (
        ("GET", "/v1/files"),
        ("GET", f"/v1/files/{file_id}"),
        ("GET", f"/v1/files/{file_id}/content"),
        ("DELETE", f"/v1/files/{file_id}"),
        ("POST", "/v1/files"),
        ("GET", "/v1/batches"),
        ("GET", f"/v1/batches/{batch_id}"),
        ("POST", f"/v1/batches/{batch_id}/cancel"),
        ("GET", f"/v1/batches/{batch_id}/events"),
        ("POST", "/v1/webhooks/secret"),
        ("GET", "/v1/webhooks/deliveries"),
        ("GET", "/v1/responses/resp_0"),
        ("DELETE", "/v1/responses/resp_0"),
        ("GET", "/v1/keys"),
        ("GET", "/v1/topup/history"),
    ):
        answer = limited.request(method, path)
        assert answer.status_code == 403, (method, path, answer.text)
        assert answer.json()["error"]["code"] == "forbidden"


def test_a_tool_scope_keeps_a_key_from_the_batches_and_responses_of_others(join: Join) -> None:
    member = join()
    batch_id = of_file(member.http, uploaded(member.http)).raise_for_status().json()["id"]
    limited = scoped(member, "tool:embed")
    for method, path in (
        ("GET", "/v1/batches"),
        ("GET", f"/v1/batches/{batch_id}"),
        ("POST", f"/v1/batches/{batch_id}/cancel"),
        ("GET", "/v1/responses/resp_0"),
    ):
        assert limited.request(method, path).status_code == 403, (method, path)


def test_an_endpoint_scope_covers_what_lies_below_its_path(join: Join) -> None:
    member = join()
    file_id = uploaded(member.http)
    limited = scoped(member, "endpoint:/v1/files")
    assert limited.get("/v1/files").status_code == 200
    assert limited.get(f"/v1/files/{file_id}/content").status_code == 200
    assert limited.get("/v1/batches").status_code == 403
