"""Streams of responses in the background, by the official openai SDK: cut, gone on with, read again."""

import sqlite3
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from server.tables import DATABASE
from tests.contract.openai.test_background import LASTING, MODEL, NO_CHAIN, finished, until
from tests.live import LiveServer, running, start

ASKED: Final[dict[str, Any]] = {
    "model": MODEL,
    "input": "Name three fruits.",
    "max_output_tokens": 24,
    "background": True,
    "stream": True,
}
FIRST: Final = ["response.created", "response.queued", "response.in_progress"]
LAST: Final = ("response.completed", "response.incomplete")


def told(events: Any) -> list[dict[str, Any]]:
    return [event.to_dict() for event in events]


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")


def numbers_of(events: list[dict[str, Any]]) -> list[int]:
    return [event["sequence_number"] for event in events]


def begun(client: OpenAI, asked: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """A response whose stream was cut by its reader at the first piece: its id, and what came of it."""
    seen: list[dict[str, Any]] = []
    with client.responses.create(**asked) as stream:
        for event in stream:
            seen.append(event.to_dict())
            if event.type == "response.output_text.delta":
                break
    return str(seen[0]["response"]["id"]), seen


def pieces(server: LiveServer, response_id: str) -> int:
    with closing(sqlite3.connect(server.data_dir / DATABASE)) as connection:
        query = "SELECT count(*) FROM response_piece WHERE response_id = ?"
        return int(connection.execute(query, (response_id,)).fetchone()[0])


def test_its_events_from_taken_on_to_its_proof(client: OpenAI) -> None:
    events = told(client.responses.create(**ASKED))
    assert [event["type"] for event in events[:3]] == FIRST
    assert events[0]["response"]["status"] == "queued"
    assert numbers_of(events) == list(range(len(events)))
    last = events[-1]
    assert last["type"] in LAST
    made = last["response"]
    (item,) = [item for item in made["output"] if item["type"] == "message"]
    assert text_of(events) == item["content"][0]["text"]
    assert item in [event["item"] for event in events if event["type"] == "response.output_item.done"]
    proof = client.get(f"/vaas/{made['vaas_record_id']}/verify", cast_to=dict[str, Any])
    assert proof["valid"] is True
    kept = client.responses.retrieve(
        made["id"], include=["message.output_text.logprobs", "reasoning.encrypted_content"]
    )
    assert kept.to_dict() == made


def test_a_broken_connection_is_gone_on_with_by_number(client: OpenAI) -> None:
    response_id, seen = begun(client, ASKED)
    last_seen = seen[-1]["sequence_number"]
    rest = told(client.responses.retrieve(response_id, stream=True, starting_after=last_seen))
    assert numbers_of(seen + rest) == list(range(len(seen + rest)))
    assert rest[-1]["type"] in LAST
    for _ in range(2):  # and as often as anybody asks, after it has ended too
        assert told(client.responses.retrieve(response_id, stream=True)) == seen + rest
    behind = rest[-1]["sequence_number"]
    for number, left in ((behind - 1, rest[-1:]), (behind, [])):
        again = client.responses.retrieve(response_id, stream=True, starting_after=number)
        assert told(again) == left


def test_the_sdk_puts_it_together_again(client: OpenAI) -> None:
    response_id, seen = begun(client, ASKED | {"max_output_tokens": 200})
    after = seen[-1]["sequence_number"]
    with client.responses.stream(response_id=response_id, starting_after=after) as stream:
        rest = list(stream)
    assert [event.sequence_number for event in rest] == list(range(after + 1, after + 1 + len(rest)))
    assert rest[-1].type in LAST


async def test_who_awaits_reads_beside_another(client: OpenAI, live_server: LiveServer) -> None:
    response_id, _ = begun(client, ASKED)
    url = live_server.url + "/v1"
    async with AsyncOpenAI(base_url=url, api_key=live_server.api_key, max_retries=0) as other:
        stream = await other.responses.retrieve(response_id, stream=True)
        read = [event.to_dict() async for event in stream]
    assert read == told(client.responses.retrieve(response_id, stream=True))
    assert read[-1]["type"] in LAST


def test_cancelling_ends_the_stream_and_deleting_forgets_it(
    client: OpenAI, live_server: LiveServer
) -> None:
    response_id, _ = begun(client, LASTING | {"background": True, "stream": True})
    assert client.responses.cancel(response_id).status == "cancelled"
    *_, last = told(client.responses.retrieve(response_id, stream=True))
    assert (last["type"], last["response"]["status"]) == ("response.failed", "cancelled")
    assert pieces(live_server, response_id) > 0
    client.responses.delete(response_id)
    assert pieces(live_server, response_id) == 0
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response_id, stream=True)


@pytest.mark.parametrize("ends", ["cancel", "delete"])
def test_what_was_told_before_its_reader_stopped_it_is_charged(
    client: OpenAI, live_server: LiveServer, ends: str
) -> None:
    """Else whoever stops each response before its last word has all others for nothing."""
    http = httpx.Client(
        base_url=live_server.url + "/v1", headers={"authorization": f"Bearer {live_server.api_key}"}
    )
    before = http.get("/users/me").json()["credit_balance_usd"]
    response_id, _ = begun(client, LASTING | {"background": True, "stream": True})
    getattr(client.responses, ends)(response_id)
    deadline = time.monotonic() + 60
    while Decimal((me := http.get("/users/me").json())["held_usd"]):
        assert time.monotonic() < deadline, me
        time.sleep(0.05)
    assert Decimal(me["credit_balance_usd"]) < Decimal(before)
    run = http.get("/usage/logs").json()[0]
    assert (run["status"], run["output_tokens"] > 0) == ("partial", True)
    proof = http.get(f"/vaas/{run['record_id']}/verify").json()
    assert proof["valid"] is True
    if ends == "cancel":
        stored = client.responses.retrieve(response_id)
        assert stored.status == "cancelled"
        assert stored.usage is not None
        assert stored.usage.output_tokens == run["output_tokens"]


def test_calls_of_functions_are_told(client: OpenAI) -> None:
    tool = {
        "type": "function",
        "name": "get_time",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    }
    asked = ASKED | {"tools": [tool], "tool_choice": "required", "max_output_tokens": 64}
    events = told(client.responses.create(**asked))
    done = [event for event in events if event["type"] == "response.function_call_arguments.done"]
    assert [event["name"] for event in done] == ["get_time"]
    assert events[-1]["response"]["output"][0]["name"] == "get_time"
    assert told(client.responses.retrieve(events[0]["response"]["id"], stream=True)) == events


def test_log_probabilities_are_told(client: OpenAI) -> None:
    asked = ASKED | {"include": ["message.output_text.logprobs"], "max_output_tokens": 6}
    events = told(client.responses.create(**asked))
    part = next(event["part"] for event in events if event["type"] == "response.content_part.done")
    assert part == events[-1]["response"]["output"][0]["content"][0]
    assert told(client.responses.retrieve(events[0]["response"]["id"], stream=True)) == events


def test_the_same_key_makes_one_and_streams_it_again(client: OpenAI) -> None:
    headers = {"Idempotency-Key": f"streams-{time.time_ns()}"}
    first = told(client.responses.create(**ASKED, extra_headers=headers))
    assert told(client.responses.create(**ASKED, extra_headers=headers)) == first


def test_a_key_that_may_not_stream_reads_no_stream(client: OpenAI, live_server: LiveServer) -> None:
    response_id, _ = begun(client, ASKED)
    key = client.post("/keys", body={"streams_responses": False}, cast_to=dict[str, Any])["key"]
    with OpenAI(base_url=live_server.url + "/v1", api_key=key, max_retries=0) as whole:
        for ask in (
            lambda: whole.responses.create(**ASKED),
            lambda: whole.responses.retrieve(response_id, stream=True),
        ):
            with pytest.raises(openai.ConflictError) as caught:
                ask()
            assert caught.value.code == "responses_streaming_disabled"
        assert finished(whole, response_id).id == response_id


def test_who_can_not_pay_is_told_by_status(poor: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        poor.responses.create(**ASKED)
    assert caught.value.status_code == 402


def test_nobody_else_reads_it(client: OpenAI, stranger: OpenAI) -> None:
    response_id, _ = begun(client, ASKED)
    with pytest.raises(openai.NotFoundError):
        stranger.responses.retrieve(response_id, stream=True)


@pytest.mark.parametrize("more", [{}, {"background": True}], ids=["at once", "background alone"])
def test_what_was_made_whole_is_not_streamed(client: OpenAI, more: dict[str, Any]) -> None:
    made = client.responses.create(model=MODEL, input="Hi", max_output_tokens=2, **more)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.retrieve(made.id, stream=True)
    assert caught.value.param == "stream"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("stream=yes", "stream"),
        ("stream=true&starting_after=x", "starting_after"),
        ("stream=true&starting_after=-1", "starting_after"),
        ("stream=true&starting_after=1&starting_after=2", "starting_after"),
    ],
)
def test_what_can_not_be_read_is_named(client: OpenAI, query: str, param: str) -> None:
    made = client.responses.create(model=MODEL, input="Hi", max_output_tokens=2)
    with pytest.raises(openai.BadRequestError) as caught:
        client.get(f"/responses/{made.id}?{query}", cast_to=dict[str, Any])
    assert caught.value.param == param


def test_the_head_alone_is_no_stream(client: OpenAI, live_server: LiveServer) -> None:
    response_id, _ = begun(client, ASKED)
    headers = {"Authorization": f"Bearer {live_server.api_key}"}
    url = f"{live_server.url}/v1/responses/{response_id}?stream=true"
    assert httpx.head(url, headers=headers, timeout=60).status_code == 200


def client_of(server: LiveServer) -> OpenAI:
    return OpenAI(base_url=server.url + "/v1", api_key=server.api_key, max_retries=0)


def test_after_a_crash_it_goes_on_by_number(tmp_path: Path) -> None:
    """What the lost attempt had told stays told; the answer is begun anew, as an item of its own."""
    asked = ASKED | {"input": "Count to a hundred.", "max_output_tokens": 120}
    crashing = tmp_path / "data"
    server = start(crashing, "--engine", "local", **NO_CHAIN)
    with client_of(server) as client:
        response_id, _ = begun(client, asked)
        until(lambda: pieces(server, response_id), lambda count: count > 1)
        server.kill()
    with running(crashing, "--engine", "local", **NO_CHAIN) as server, client_of(server) as client:
        before = stored(client, response_id)
        last = before[-1]["sequence_number"]
        rest = told(client.responses.retrieve(response_id, stream=True, starting_after=last))
        events = told(client.responses.retrieve(response_id, stream=True))
        assert events == before + rest
        assert numbers_of(events) == list(range(len(events)))
        made = events[-1]["response"]
        assert events[-1]["type"] in LAST
        done = {
            event["item"]["id"]: event["item"]
            for event in events
            if event["type"] == "response.output_item.done"
        }
        assert [done[item["id"]] for item in made["output"]] == made["output"]
        with client.responses.stream(response_id=response_id) as stream:
            assert [event.type for event in stream][-1] in LAST
        logs = client.get("/usage/logs", cast_to=list[dict[str, Any]])
        assert [row["run_id"] for row in logs if row["output_tokens"]] == [made["vaas"]["run_id"]]


def stored(client: OpenAI, response_id: str) -> list[dict[str, Any]]:
    """The events up to the first piece of the answer."""
    found: list[dict[str, Any]] = []
    with client.responses.retrieve(response_id, stream=True) as stream:
        for event in stream:
            found.append(event.to_dict())
            if event.type == "response.output_text.delta":
                break
    return found
