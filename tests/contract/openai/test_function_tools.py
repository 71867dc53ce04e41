"""Function tools with the official openai SDK: what the model has to call is called, over both doors."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from tests.live import LiveServer

MODEL = "qwen3-32b"
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather of a city", "parameters": PARAMETERS},
}
CLOCK: Any = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
QUESTION: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
NAMED: Any = {"type": "function", "function": {"name": "get_weather"}}


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=live_server.url + "/v1", api_key=live_server.api_key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_function_that_has_to_be_called_is_called(client: OpenAI, choice: Any) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=QUESTION, tools=[WEATHER], tool_choice=choice, max_tokens=64, temperature=0
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    [call] = choice.message.tool_calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["city"] in ("Paris", "Rome")


def test_a_stream_of_a_call_adds_up_to_it(client: OpenAI) -> None:
    chunks = client.chat.completions.create(
        model=MODEL,
        messages=QUESTION,
        tools=[WEATHER, CLOCK],
        tool_choice=NAMED,
        max_tokens=64,
        temperature=0,
        stream=True,
    )
    name, arguments, ids, finish = "", "", set(), None
    for chunk in chunks:
        finish = chunk.choices[0].finish_reason or finish
        for piece in chunk.choices[0].delta.tool_calls or ():
            assert piece.function is not None
            name += piece.function.name or ""
            arguments += piece.function.arguments or ""
            ids |= {piece.id} if piece.id else set()
    assert finish == "tool_calls"
    assert name == "get_weather"
    assert len(ids) == 1
    assert json.loads(arguments)["city"] in ("Paris", "Rome")


def test_what_a_function_gave_is_answered(client: OpenAI) -> None:
    called: Any = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    messages: Any = [
        *QUESTION,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": called}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees, sunny"},
    ]
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, tools=[WEATHER], max_tokens=32, temperature=0
    )
    assert answer.choices[0].message.content


def test_a_response_calls_and_goes_on_with_what_the_call_gave(client: OpenAI) -> None:
    tool: Any = {"type": "function", "name": "get_weather", "parameters": PARAMETERS, "strict": True}
    first = client.responses.create(
        model=MODEL,
        input="What is the weather in Paris?",
        tools=[tool],
        tool_choice="required",
        max_output_tokens=64,
        temperature=0,
    )
    [call] = first.output
    assert call.type == "function_call"
    assert json.loads(call.arguments)["city"] in ("Paris", "Rome")
    second = client.responses.create(
        model=MODEL,
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}],
        max_output_tokens=16,
    )
    assert second.output_text


def test_the_events_of_a_call(client: OpenAI) -> None:
    tool: Any = {"type": "function", "name": "get_weather", "parameters": PARAMETERS, "strict": True}
    events = list(
        client.responses.create(
            model=MODEL,
            input="What is the weather in Paris?",
            tools=[tool],
            tool_choice="required",
            max_output_tokens=64,
            temperature=0,
            stream=True,
        )
    )
    known: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for event in events:
        known.validate_python(event.model_dump(by_alias=True, warnings=False))
    kinds = [event.type for event in events]
    assert kinds[2] == "response.output_item.added"
    assert kinds[-3:] == [
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    done = next(e for e in events if e.type == "response.function_call_arguments.done")
    assert "".join(deltas) == done.arguments


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"tools": [WEATHER, WEATHER]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [CLOCK], "tool_choice": NAMED}, "tool_choice"),
        ({"tools": [{"type": "custom"}]}, "tools.0.type"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0"),
        ({"messages": [{"role": "assistant"}]}, "messages.0"),
    ],
)
def test_a_wrong_field_is_named(client: OpenAI, change: dict[str, Any], param: str) -> None:
    arguments = {"model": MODEL, "messages": QUESTION, "max_tokens": 4, **change}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**arguments)
    assert caught.value.code == "invalid_request"
    assert caught.value.param == param
