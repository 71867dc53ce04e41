"""/v1/responses with the official openai SDK, each event held against the SDK's own types."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from base.ids import run_id_from
from tests.live import LiveServer

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
MODEL = "qwen3-32b"
HEADERS = (
    "traceparent",
    "x-request-id",
    "x-batchin-run-id",
    "x-batchin-prompt-version",
    "x-vaas-record-id",
    "x-vaas-signature",
    "x-vaas-publickey",
)


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=live_server.url + "/v1", api_key=live_server.api_key, max_retries=0) as client:
        yield client


def test_the_documented_sample(client: OpenAI) -> None:
    raw = client.responses.with_raw_response.create(
        model="qwen3.5-27b", input="Explain batch inference in 3 bullets", max_output_tokens=16
    )
    answer = raw.parse()
    Response.model_validate(json.loads(raw.text))
    assert answer.id.startswith("resp_chatcmpl_")
    assert answer.object == "response"
    assert answer.model == "qwen3.5-27b"
    assert answer.output[0].type == "message"
    assert answer.output_text
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert all(raw.headers[header] for header in HEADERS)
    assert answer.model_extra is not None
    assert answer.model_extra["vaas"]["signature"] == raw.headers["x-vaas-signature"]
    assert run_id_from(answer.model_extra["vaas_record_id"]) == raw.headers["x-batchin-run-id"]


def test_what_does_not_fit_is_incomplete(client: OpenAI) -> None:
    answer = client.responses.create(model=MODEL, input="Count to one hundred.", max_output_tokens=3)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.output[0].type == "message"
    assert answer.output[0].status == "incomplete"


def test_each_event_of_a_stream_is_what_the_sdk_knows(live_server: LiveServer) -> None:
    asked = {"model": MODEL, "input": "Name a fruit.", "max_output_tokens": 24, "temperature": 0}
    events = _events(live_server, asked)
    for number, event in enumerate(events):
        EVENT.validate_python(event)
        assert event["sequence_number"] == number
    kinds = [event["type"] for event in events]
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[4:-4] == ["response.output_text.delta"] * len(deltas)
    assert kinds[-4:-1] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]
    last = events[-1]["response"]
    assert kinds[-1] == f"response.{last['status']}"
    text = "".join(event["delta"] for event in deltas)
    assert events[-4]["text"] == text
    assert last["output"] == [events[-2]["item"]]
    assert last["output"][0]["content"][0]["text"] == text
    assert set(last["vaas"]) == {"record_id", "run_id", "signature", "public_key", "payload_hash"}
    assert last["usage"]["output_tokens"] > 0


def test_the_sdk_follows_a_stream(client: OpenAI) -> None:
    with client.responses.stream(
        model=MODEL, input="What is 1+1?", max_output_tokens=256, temperature=0
    ) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.output_text == text


def test_a_conversation_goes_on_from_a_stored_response(client: OpenAI) -> None:
    first = client.responses.create(
        model=MODEL, input="My name is Ada.", instructions="Be brief.", max_output_tokens=8
    )
    second = client.responses.create(
        model=MODEL, input="What is my name?", previous_response_id=first.id, max_output_tokens=8
    )
    assert second.previous_response_id == first.id
    assert first.usage is not None
    assert second.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens
    stored = client.responses.retrieve(second.id)
    assert stored.output_text == second.output_text
    items = client.responses.input_items.list(second.id)
    assert [item.type for item in items.data] == ["message"]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError) as caught:
        client.responses.create(model=MODEL, input="And?", previous_response_id=second.id)
    assert caught.value.param == "previous_response_id"


def test_what_is_not_stored_is_not_found(client: OpenAI) -> None:
    answer = client.responses.create(model=MODEL, input="Hello", max_output_tokens=2, store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)


def test_a_response_that_ended_can_not_be_cancelled(client: OpenAI) -> None:
    answer = client.responses.create(model=MODEL, input="Hello", max_output_tokens=2)
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(answer.id)


def test_json_of_a_schema(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    answer = client.responses.create(
        model=MODEL,
        input="The capital of France?",
        max_output_tokens=32,
        temperature=0,
        text={"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}},
    )
    assert json.loads(answer.output_text)["city"] in ("Paris", "Rome")


def test_log_probabilities_cover_the_text(client: OpenAI) -> None:
    answer = client.responses.create(
        model=MODEL,
        input="Name a fruit.",
        max_output_tokens=6,
        top_logprobs=2,
        include=["message.output_text.logprobs"],
    )
    assert answer.output[0].type == "message"
    part = answer.output[0].content[0]
    assert part.type == "output_text"
    assert part.logprobs
    assert all(len(entry.top_logprobs) == 2 for entry in part.logprobs)


def test_a_key_that_may_not_stream_responses(live_server: LiveServer) -> None:
    headers = {"Authorization": f"Bearer {live_server.api_key}"}
    asked = {"name": "whole answers", "streams_responses": False}
    made = httpx.post(live_server.url + "/v1/keys", json=asked, headers=headers).json()
    assert made["streams_responses"] is False
    client = OpenAI(base_url=live_server.url + "/v1", api_key=made["key"], max_retries=0)
    with pytest.raises(openai.ConflictError) as caught:
        client.responses.create(model=MODEL, input="Hello", max_output_tokens=2, stream=True)
    assert caught.value.code == "responses_streaming_disabled"
    assert caught.value.body is not None
    assert client.responses.create(model=MODEL, input="Hello", max_output_tokens=2).output_text
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_chatcmpl_0")


def test_a_response_is_its_accounts_alone(live_server: LiveServer, client: OpenAI) -> None:
    answer = client.responses.create(model=MODEL, input="Hello", max_output_tokens=2)
    for key, refusal in (("none", 401), ("batchin_api_" + "x" * 43, 401)):
        headers = {"Authorization": f"Bearer {key}"}
        for path in ("", "/input_items"):
            found = httpx.get(f"{live_server.url}/v1/responses/{answer.id}{path}", headers=headers)
            assert found.status_code == refusal


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": []}, "input"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input.0"),
        ({"max_output_tokens": 10**9}, "max_output_tokens"),
        ({"text": {"format": {"type": "xml"}}}, "text.format"),
        ({"extra_body": {"conversation": "conv_1"}}, "conversation"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"truncation": "auto"}, "truncation"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "1"}]}, "input"),
    ],
)
def test_a_wrong_field_is_named(client: OpenAI, change: dict[str, Any], param: str) -> None:
    arguments = {"model": MODEL, "input": "Hello", "max_output_tokens": 4, **change}
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**arguments)
    assert caught.value.code == "invalid_request"
    assert caught.value.param == param


def _events(server: LiveServer, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The raw events of a stream; the name of each is its type."""
    events: list[dict[str, Any]] = []
    name = ""
    headers = {"Authorization": f"Bearer {server.api_key}"}
    with httpx.stream(
        "POST", server.url + "/v1/responses", json={**asked, "stream": True}, headers=headers, timeout=60
    ) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-vaas-record-id"]
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                events.append(json.loads(line.removeprefix("data: ")))
                assert events[-1]["type"] == name
    return events
