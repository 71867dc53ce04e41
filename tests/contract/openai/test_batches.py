"""Batches by the official openai SDK, unchanged, and in the documented inline shape."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import Batch

from base.money import usd_to_nano
from settlement.evidence.frontier import Frontier
from tests.live import LiveServer
from tests.operator import new_key

ENDED = ("completed", "failed", "expired", "cancelled")
CHAT: Final = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "Say yes."}]


@pytest.fixture
def http(live_server: LiveServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {live_server.api_key}"}
    with httpx.Client(base_url=live_server.url + "/v1", headers=headers, timeout=60) as client:
        yield client


def line(custom_id: str, url: str = CHAT, **body: Any) -> dict[str, Any]:
    body = body or {"model": "qwen3-32b", "messages": MESSAGES, "max_tokens": 3}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body}


def jsonl(*lines: Any) -> bytes:
    return b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines) + b"\n"


def until(look: Callable[[], Any], ended: Callable[[Any], bool], patience_s: float = 60) -> Any:
    deadline = time.monotonic() + patience_s
    while not ended(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def submitted(client: OpenAI, data: bytes, **more: Any) -> Batch:
    file = client.files.create(file=("in.jsonl", data), purpose="batch")
    asked = {"endpoint": CHAT, "completion_window": "24h", **more}
    return client.batches.create(input_file_id=file.id, **asked)


def finished(client: OpenAI, batch: Batch) -> Batch:
    found = until(lambda: client.batches.retrieve(batch.id), lambda found: found.status in ENDED)
    assert isinstance(found, Batch)
    return found


def ended(http: httpx.Client, batch_id: str) -> Any:
    """The batch as its inline shape shows it at its end."""
    return until(lambda: http.get(f"/batches/{batch_id}").json(), lambda found: found["status"] in ENDED)


def lines_of(client: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(text) for text in client.files.content(file_id).text.splitlines()]


def test_the_sdk_submits_polls_and_downloads(client: OpenAI, http: httpx.Client) -> None:
    made = submitted(client, jsonl(line("b"), line("a"), line("c")), metadata={"job": "nightly"})
    assert (made.object, made.status, made.endpoint) == ("batch", "validating", CHAT)
    batch = finished(client, made)
    assert (batch.status, batch.errors, batch.error_file_id) == ("completed", None, None)
    assert batch.metadata == {"job": "nightly"}
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 3, "completed": 3, "failed": 0}
    assert batch.completed_at is not None
    assert batch.usage is not None
    output = lines_of(client, batch.output_file_id)
    assert [each["custom_id"] for each in output] == ["b", "a", "c"]
    bodies = [each["response"]["body"] for each in output]
    assert all(each["response"]["status_code"] == 200 for each in output)
    assert all(body["object"] == "chat.completion" for body in bodies)
    assert batch.usage.total_tokens == sum(body["usage"]["total_tokens"] for body in bodies)
    assert made.id in [each.id for each in client.batches.list(limit=2)]


def test_every_task_is_charged_signed_and_under_the_root(client: OpenAI, http: httpx.Client) -> None:
    before = usd_to_nano(http.get("/users/me").json()["credit_balance_usd"])
    batch = finished(client, submitted(client, jsonl(line("x"), line("y"), line("z"))))
    extra: Any = batch.model_extra
    tree, charged = Frontier(), 0
    for each in lines_of(client, batch.output_file_id):
        vaas = each["response"]["body"]["vaas"]
        tree.add(bytes.fromhex(vaas["payload_hash"].removeprefix("sha256:")))
        proof = http.get(f"/vaas/{vaas['record_id']}/bundle").json()
        assert http.post("/audit/verify-bundle", json=proof).json()["valid"]
        payload = proof["evidence"]["payload"]
        assert payload["price"]["version"].endswith("*low")
        charged += int(payload["charged_nano_usd"])
    assert extra["records"] == {"count": 3, "root": "sha256:" + tree.root().hex()}
    assert usd_to_nano(extra["cost_usd"]) == charged > 0
    after = usd_to_nano(http.get("/users/me").json()["credit_balance_usd"])
    assert before - after == charged


def test_a_bad_line_fails_alone_and_says_which_it_is(client: OpenAI) -> None:
    data = jsonl(
        line("good"),
        b"{not json",
        line("good"),
        line("model", model="no-such-model", messages=MESSAGES),
        line("url", url="/v1/files"),
        line("stream", model="qwen3-32b", messages=MESSAGES, stream=True),
        b"[1]",
        b"",
        {"method": "POST", "url": CHAT, "body": {}},
        line("last"),
    )
    batch = finished(client, submitted(client, data))
    assert batch.status == "completed"
    assert [each["custom_id"] for each in lines_of(client, batch.output_file_id)] == ["good", "last"]
    failed = lines_of(client, batch.error_file_id)
    assert [each["custom_id"] for each in failed] == [None, "good", "model", "url", "stream", None, None]
    unknown = failed[2]["response"]
    assert (unknown["status_code"], unknown["body"]["error"]["code"]) == (404, "model_not_found")
    assert [each["error"]["line"] for each in failed if each["error"]] == [2, 3, 5, 6, 7, 9]
    assert batch.errors is not None
    assert [error.line for error in batch.errors.data or []] == [2, 3, 4, 5, 6, 7, 9]


def test_tasks_that_are_responses(client: OpenAI) -> None:
    path = "/v1/responses"
    asked: dict[str, Any] = {"model": "qwen3-32b", "input": "Say yes.", "max_output_tokens": 3}
    data = jsonl(
        line("good", path, **asked),
        line("later", path, **asked, background=True),
        line("onwards", path, **asked, previous_response_id="resp_chatcmpl_1"),
    )
    batch = finished(client, submitted(client, data, endpoint=path))
    assert batch.status == "completed"
    (answered,) = lines_of(client, batch.output_file_id)
    assert answered["response"]["body"]["object"] == "response"
    refused = [each["error"]["param"] for each in lines_of(client, batch.error_file_id)]
    assert refused == ["background", "previous_response_id"]


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_input_fails_the_batch(client: OpenAI, data: bytes) -> None:
    batch = finished(client, submitted(client, data))
    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data


def test_who_can_not_pay_is_told_and_nothing_is_held(poor: OpenAI, live_server: LiveServer) -> None:
    data = jsonl(line("dear", model="qwen3-32b", messages=MESSAGES, max_tokens=1000))
    batch = finished(poor, submitted(poor, data))
    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert batch.errors.data[0].code == "payment_required"
    key = {"Authorization": f"Bearer {poor.api_key}"}
    tasks = {"tasks": [{"custom_id": "a", "model": "qwen3-32b", "request_body": {"messages": MESSAGES}}]}
    refused = httpx.post(f"{live_server.url}/v1/batches", headers=key, json=tasks)
    assert (refused.status_code, "payment-required" in refused.headers) == (402, True)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"endpoint": "/v1/files"}, "endpoint"),
        ({"completion_window": "30m"}, "completion_window"),
        ({"completion_window": "0h"}, "completion_window"),
        ({"completion_window": "169h"}, "completion_window"),
        ({"extra_body": {"priority": "asap"}}, "priority"),
        ({"extra_body": {"webhook_url": "http://127.0.0.1/"}}, None),
        ({"extra_body": {"webhook_url": "ftp://example.com/"}}, "webhook_url"),
        ({"extra_body": {"webhook_url": "http://u:p@example.com/"}}, "webhook_url"),
        ({"extra_body": {"surprise": 1}}, "surprise"),
    ],
)
def test_wrong_requests_are_named(client: OpenAI, changes: dict[str, Any], param: str | None) -> None:
    if param is None:  # an address is judged when it is called, not when it is named
        assert submitted(client, jsonl(line("a")), **changes).status == "validating"
        return
    with pytest.raises(openai.BadRequestError) as caught:
        submitted(client, jsonl(line("a")), **changes)
    assert caught.value.param == param


def test_input_files_of_others_and_of_other_purposes(client: OpenAI, stranger: OpenAI) -> None:
    theirs = stranger.files.create(file=("in", b"{}"), purpose="batch")
    asked = {"endpoint": CHAT, "completion_window": "24h"}
    with pytest.raises(openai.NotFoundError):
        client.batches.create(input_file_id=theirs.id, **asked)  # type: ignore[arg-type]
    other = client.files.create(file=("in", b"{}"), purpose="user_data")
    with pytest.raises(openai.BadRequestError):
        client.batches.create(input_file_id=other.id, **asked)  # type: ignore[arg-type]


def test_nobody_else_sees_stops_or_watches_a_batch(
    client: OpenAI, stranger: OpenAI, live_server: LiveServer
) -> None:
    made = finished(client, submitted(client, jsonl(line("mine"))))
    for call in (stranger.batches.retrieve, stranger.batches.cancel):
        with pytest.raises(openai.NotFoundError) as foreign:
            call(made.id)
        with pytest.raises(openai.NotFoundError) as unknown:
            call("batch_" + "0" * 32)
        assert foreign.value.body == unknown.value.body
    assert made.id not in [each.id for each in stranger.batches.list()]
    with pytest.raises(openai.NotFoundError):
        stranger.files.content(made.output_file_id or "")
    key = {"Authorization": f"Bearer {stranger.api_key}"}
    assert httpx.get(f"{live_server.url}/v1/batches", headers=key).json() == []
    assert httpx.get(f"{live_server.url}/v1/batches/{made.id}/events", headers=key).status_code == 404
    for path in ("", f"/{made.id}", f"/{made.id}/events"):
        assert httpx.get(f"{live_server.url}/v1/batches{path}").status_code == 401


def test_a_cancelled_batch_keeps_what_ran_and_gives_the_rest_back(
    client: OpenAI, http: httpx.Client
) -> None:
    before = usd_to_nano(http.get("/users/me").json()["credit_balance_usd"])
    tasks = [
        line(f"t{n}", model="qwen3-32b", messages=MESSAGES, max_tokens=200, seed=n) for n in range(300)
    ]
    made = submitted(client, jsonl(*tasks))
    until(
        lambda: client.batches.retrieve(made.id),
        lambda found: found.request_counts.completed > 0,
    )
    assert client.batches.cancel(made.id).status in ("cancelling", "cancelled")
    batch = finished(client, made)
    assert batch.status == "cancelled"
    output, left = lines_of(client, batch.output_file_id), lines_of(client, batch.error_file_id)
    assert len(output) + len(left) == 300
    assert {each["error"]["code"] for each in left} == {"batch_cancelled"}
    assert batch.request_counts is not None
    assert batch.request_counts.completed == len(output)
    cost = usd_to_nano((batch.model_extra or {})["cost_usd"])
    assert before - usd_to_nano(http.get("/users/me").json()["credit_balance_usd"]) == cost
    assert client.batches.cancel(made.id).status == "cancelled"


async def test_the_asynchronous_client(live_server: LiveServer) -> None:
    import asyncio

    async with AsyncOpenAI(base_url=live_server.url + "/v1", api_key=live_server.api_key) as client:
        file = await client.files.create(file=("in.jsonl", jsonl(line("a"))), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint=CHAT, completion_window="24h"
        )
        async with asyncio.timeout(60):
            while (batch := await client.batches.retrieve(batch.id)).status not in ENDED:  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.05)
        assert batch.status == "completed"
        assert batch.id in [each.id async for each in client.batches.list(limit=1)]


def test_tasks_in_the_body_of_several_models(http: httpx.Client) -> None:
    """The documented example: each task has its own model; the detail has the results."""
    tasks = [
        {
            "custom_id": "task-1",
            "model": "qwen3.5-27b",
            "request_body": {"messages": MESSAGES, "max_tokens": 3},
        },
        {"custom_id": "task-2", "model": "bge-m3", "request_body": {"input": "summarize this"}},
        {"custom_id": "task-3", "model": "no-such-model", "request_body": {"input": "x"}},
        {"custom_id": "task-4", "model": "bge-m3", "request_body": {}},
    ]
    made = http.post("/batches", json={"priority": "fill", "tasks": tasks})
    assert made.status_code == 200
    assert made.headers["x-vaas-record-id"]
    body = made.json()
    assert {name: body[name] for name in DOCUMENTED} == {
        "status": "pending",
        "priority": "fill",
        "total_tasks": 4,
        "completed_tasks": 0,
        "failed_tasks": 0,
    }
    batch = ended(http, body["id"])
    assert (batch["status"], batch["completed_tasks"], batch["failed_tasks"]) == ("completed", 2, 2)
    shown = {task["custom_id"]: task for task in batch["tasks"]}
    assert [task["custom_id"] for task in batch["tasks"]] == [task["custom_id"] for task in tasks]
    assert shown["task-1"]["status"] == "completed"
    assert shown["task-1"]["result"]["object"] == "chat.completion"
    assert len(shown["task-2"]["result"]["data"][0]["embedding"]) > 100
    assert shown["task-3"]["error"]["code"] == "model_not_found"
    assert shown["task-4"]["error"]["param"] == "input"
    listed = http.get("/batches")
    assert listed.headers["vary"] == "X-Stainless-Lang"
    assert body["id"] in [each["id"] for each in listed.json()]
    run = shown["task-1"]["run_id"]
    assert http.get(f"/vaas/{run}").json()["run_id"] == run


DOCUMENTED = ("status", "priority", "total_tasks", "completed_tasks", "failed_tasks")


def test_a_body_over_two_mebibytes_is_413(http: httpx.Client) -> None:
    text = "x" * 2_100_000
    tasks = [{"custom_id": "a", "model": "bge-m3", "request_body": {"input": text}}]
    answer = http.post("/batches", json={"tasks": tasks})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "payload_too_large")
    assert "Split into smaller batches" in answer.json()["error"]["resolution"]


def test_priorities_have_prices_of_their_own(http: httpx.Client) -> None:
    costs = {}
    for priority in ("high", "low", "fill"):
        task = {"custom_id": "a", "model": "bge-m3", "request_body": {"input": "word " * 200}}
        made = http.post("/batches", json={"priority": priority, "tasks": [task]}).json()
        batch = ended(http, made["id"])
        costs[priority] = usd_to_nano(batch["cost_usd"])
    assert costs["high"] > 0
    assert abs(costs["low"] - costs["high"] / 2) <= 1
    assert abs(costs["fill"] - costs["high"] / 4) <= 1


def test_progress_as_events(http: httpx.Client) -> None:
    task = {"custom_id": "a", "model": "bge-m3", "request_body": {"input": "word"}}
    made = http.post("/batches", json={"priority": "high", "tasks": [task]}).json()
    events = []
    with http.stream("GET", f"/batches/{made['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = [text for text in stream.iter_lines() if text.startswith("event:")]
    assert events[-1] == "event: batch.completed"


@pytest.mark.parametrize(
    ("scopes", "codes"),
    [
        (("model:bge-m3",), [None, "forbidden"]),
        (("tool:batch", "tool:embed"), [None, "forbidden"]),
        (("endpoint:/v1/batches", "endpoint:/v1/files", "endpoint:/v1/embeddings"), [None, "forbidden"]),
    ],
)
@pytest.mark.parametrize("inline", [True, False])
def test_a_key_reaches_by_batch_what_it_reaches_alone(
    live_server: LiveServer, scopes: tuple[str, ...], codes: list[str | None], inline: bool
) -> None:
    key = new_key(live_server.data_dir, scopes=scopes)
    headers = {"Authorization": f"Bearer {key}"}
    tasks = [
        {"custom_id": "a", "model": "bge-m3", "request_body": {"input": "x"}},
        {
            "custom_id": "b",
            "model": "qwen3-32b",
            "request_body": {"messages": MESSAGES, "max_tokens": 2},
        },
    ]
    with httpx.Client(base_url=live_server.url + "/v1", headers=headers, timeout=60) as http:
        if inline:
            made = http.post("/batches", json={"tasks": tasks})
            batch = ended(http, made.raise_for_status().json()["id"])
            assert [(task["error"] or {}).get("code") for task in batch["tasks"]] == codes
            return
        uploaded = http.post("/files", data={"purpose": "batch"}, files={"file": jsonl(*tasks)})
        made = http.post("/batches", json={"input_file_id": uploaded.raise_for_status().json()["id"]})
        batch = ended(http, made.raise_for_status().json()["id"])
        assert (batch["completed_tasks"], batch["failed_tasks"]) == (1, 1)
        failed = json.loads(http.get(f"/files/{batch['error_file_id']}/content").text)
        assert failed["response"]["body"]["error"]["code"] == codes[1]


def test_a_key_for_other_paths_keeps_out(live_server: LiveServer) -> None:
    key = new_key(live_server.data_dir, scopes=("endpoint:/v1/embeddings",))
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=live_server.url + "/v1", headers=headers) as http:
        tasks = {"tasks": [{"custom_id": "a", "model": "bge-m3", "request_body": {"input": "x"}}]}
        assert http.post("/batches", json=tasks).status_code == 403
        assert http.get("/batches").status_code == 403
        assert http.get("/files").status_code == 403
        assert http.post("/webhooks/secret").status_code == 403
