"""Calls that take a prompt by name: its messages go first, and the record names the version."""

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import PromptsListChanged

from tests.contract.account.conftest import Member

MODEL = "qwen3-32b"
CAPITAL = {"name": "capital", "messages": [{"role": "user", "content": "Name the capital of {{land}}."}]}
PARROT = {
    "name": "capital",
    "messages": [
        {"role": "system", "content": "You are a parrot. You say banana, whatever is asked."},
        {"role": "user", "content": "Name the capital of Spain."},
        {"role": "assistant", "content": "banana"},
        {"role": "user", "content": "Name the capital of Italy."},
        {"role": "assistant", "content": "banana"},
        {"role": "user", "content": "Name the capital of {{land}}."},
    ],
}


@pytest.fixture
def http(join: Callable[[], Member]) -> httpx.Client:
    http = join().http
    http.post("/v1/prompts", json={**CAPITAL, "promote": True}).raise_for_status()
    http.post("/v1/prompts", json=PARROT).raise_for_status()
    return http


def ask(http: httpx.Client, prompt: Mapping[str, Any], **more: Any) -> httpx.Response:
    body = {"model": MODEL, "prompt": prompt, "max_tokens": 8, "temperature": 0, **more}
    return http.post("/v1/chat/completions", json=body)


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def test_the_promoted_version_answers(http: httpx.Client) -> None:
    answer = ask(http, {"id": "capital", "variables": {"land": "France"}})
    assert "Paris" in said(answer)
    assert answer.headers["x-batchin-prompt-version"] == "capital@v1"
    record = http.get(f"/v1/vaas/{answer.headers['x-vaas-record-id']}/evidence").json()
    assert record["prompt_version_id"] == "capital@v1"
    [item] = http.get("/v1/prompts").json()["items"]
    assert [version["total_runs"] for version in item["versions"]] == [1, 0]


@pytest.mark.parametrize(
    "named", [{"id": "capital@v2"}, {"id": "capital", "version": "v2"}], ids=["by id", "by version"]
)
def test_a_version_is_taken_by_its_name(http: httpx.Client, named: Mapping[str, Any]) -> None:
    answer = ask(http, {**named, "variables": {"land": "France"}})
    assert "banana" in said(answer).lower()
    assert answer.headers["x-batchin-prompt-version"] == "capital@v2"


def test_a_stream_and_a_response_take_it_too(http: httpx.Client) -> None:
    prompt = {"id": "capital", "variables": {"land": "France"}}
    stream = ask(http, prompt, stream=True)
    assert stream.headers["x-batchin-prompt-version"] == "capital@v1"
    assert "Paris" in stream.text
    asked = {"model": MODEL, "prompt": prompt, "max_output_tokens": 16, "temperature": 0}
    answer = http.post("/v1/responses", json=asked)
    assert "Paris" in answer.json()["output"][0]["content"][0]["text"]
    assert answer.headers["x-batchin-prompt-version"] == "capital@v1"


def test_own_messages_follow_those_of_the_prompt(http: httpx.Client) -> None:
    prompt = {"id": "capital@v2", "variables": {"land": "France"}}
    messages = [
        {"role": "assistant", "content": "banana"},
        {"role": "user", "content": "Stop that. What is the capital of France?"},
    ]
    alone = ask(http, prompt).json()["usage"]["prompt_tokens"]
    assert ask(http, prompt, messages=messages).json()["usage"]["prompt_tokens"] > alone


@pytest.mark.parametrize(
    ("prompt", "status", "param"),
    [
        ({"id": "capital"}, 400, "prompt.variables"),
        ({"id": "capital", "variables": {"land": "x", "city": "y"}}, 400, "prompt.variables"),
        ({"id": "capital", "variables": {"land": 3}}, 400, "prompt.variables.land"),
        ({"id": "capital@v1", "version": "v2", "variables": {"land": "x"}}, 400, "prompt.version"),
        ({"id": "capital@v9", "variables": {"land": "x"}}, 404, "id"),
        ({"id": "nothing", "variables": {"land": "x"}}, 404, "id"),
        ({"id": "no/name"}, 400, "prompt.id"),
        ({}, 400, "prompt.id"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_prompt_is_told(
    http: httpx.Client, prompt: Mapping[str, Any], status: int, param: str
) -> None:
    refused = ask(http, prompt)
    assert refused.status_code == status, refused.text
    assert refused.json()["error"]["param"] == param


def test_a_variable_is_not_looked_through_for_variables(http: httpx.Client) -> None:
    answer = ask(http, {"id": "capital", "variables": {"land": "{{land}} {{land}} France"}})
    assert "Paris" in said(answer)


def test_a_prompt_that_the_registry_has_not_is_a_name(http: httpx.Client) -> None:
    messages = [{"role": "user", "content": "Say yes."}]
    answer = ask(http, {"id": "elsewhere", "version": "v7"}, messages=messages)
    assert said(answer)
    assert answer.headers["x-batchin-prompt-version"] == "elsewhere@v7"


def test_an_answer_sent_again_is_of_the_version_that_gave_it(http: httpx.Client) -> None:
    prompt = {"id": "capital", "variables": {"land": "France"}}
    body = {"model": MODEL, "prompt": prompt, "max_tokens": 2}
    once = {"idempotency-key": "capital-of-france"}
    first = http.post("/v1/chat/completions", json=body, headers=once)
    http.post("/v1/prompts/capital/promote", json={"version": "v2"}).raise_for_status()
    again = http.post("/v1/chat/completions", json=body, headers=once)
    assert again.headers["x-batchin-run-id"] == first.headers["x-batchin-run-id"]
    assert again.headers["x-batchin-prompt-version"] == "capital@v1"


def test_others_can_not_take_it(http: httpx.Client, join: Callable[[], Member]) -> None:
    refused = ask(join().http, {"id": "capital", "variables": {"land": "France"}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")


def test_a_task_of_a_batch_is_told_that_it_takes_none(http: httpx.Client) -> None:
    body = {"prompt": {"id": "capital", "variables": {"land": "France"}}, "messages": []}
    task = {"custom_id": "a", "model": MODEL, "request_body": body}
    made = http.post("/v1/batches", json={"tasks": [task], "priority": "high"}).json()
    with http.stream("GET", f"/v1/batches/{made['id']}/events") as events:
        events.read()
    [ended] = http.get(f"/v1/batches/{made['id']}").json()["tasks"]
    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "invalid_request"


def client_of(http: httpx.Client) -> Any:
    import httpx2

    headers = {"authorization": http.headers["authorization"]}
    url = f"{str(http.base_url).rstrip(chr(47))}/v1/mcp"
    return Client(streamable_http_client(url, http_client=httpx2.AsyncClient(headers=headers)))


def test_an_agent_finds_the_promoted_prompts_of_its_account(
    http: httpx.Client, join: Callable[[], Member]
) -> None:
    other = join().http

    async def visit() -> None:
        async with client_of(http) as mine, client_of(other) as theirs:
            [prompt] = (await mine.list_prompts()).prompts
            assert prompt.name == "capital"
            assert [(a.name, a.required) for a in prompt.arguments or ()] == [("land", True)]
            got = await mine.get_prompt("capital", {"land": "Peru"})
            [message] = got.messages
            assert (message.role, message.content.text) == ("user", "Name the capital of Peru.")
            with pytest.raises(MCPError, match="lacks land"):
                await mine.get_prompt("capital", {})
            assert (await theirs.list_prompts()).prompts == []
            with pytest.raises(MCPError, match="Unknown prompt"):
                await theirs.get_prompt("capital", {"land": "Peru"})

    anyio.run(visit)


def test_an_agent_hears_of_its_prompts(http: httpx.Client) -> None:
    def promote() -> None:
        http.post("/v1/prompts/capital/promote", json={"version": "v2"}).raise_for_status()

    async def visit() -> None:
        async with client_of(http) as client, client.listen(prompts_list_changed=True) as events:
            await anyio.to_thread.run_sync(promote)
            with anyio.fail_after(60):
                async for event in events:
                    assert isinstance(event, PromptsListChanged)
                    break

    anyio.run(visit)
