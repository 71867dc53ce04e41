"""/v1/completions with the official openai SDK against the real server and its real model."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.live import LiveServer

MODEL = "qwen3-32b"
PROMPT = "The capital of France is"


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=live_server.url + "/v1", api_key=live_server.api_key, max_retries=0) as client:
        yield client


def test_the_documented_sample(client: OpenAI) -> None:
    raw = client.completions.with_raw_response.create(
        model="qwen3.5-27b",
        prompt="Complete this sentence: Batch processing helps",
        suffix="for large workloads.",
        max_tokens=16,
    )
    answer = raw.parse()
    assert answer.id.startswith("cmpl_")
    assert answer.object == "text_completion"
    assert answer.choices[0].text
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert raw.headers["x-vaas-signature"]
    assert answer.model_extra is not None
    assert answer.model_extra["fim"] == "prompted"


def test_choices_of_several_prompts_stand_prompt_by_prompt(client: OpenAI) -> None:
    one = client.completions.create(model=MODEL, prompt=PROMPT, max_tokens=4, temperature=0)
    answer = client.completions.create(
        model=MODEL, prompt=[PROMPT, "One two three"], n=2, max_tokens=4, temperature=0
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.choices[0].text == answer.choices[1].text == one.choices[0].text
    assert answer.choices[2].text == answer.choices[3].text != one.choices[0].text
    assert answer.usage is not None
    assert one.usage is not None
    assert answer.usage.prompt_tokens > one.usage.prompt_tokens
    assert answer.usage.completion_tokens == 16


def test_a_stream_says_what_a_plain_call_says(client: OpenAI) -> None:
    asked: dict[str, Any] = {
        "model": MODEL,
        "prompt": [PROMPT, "One two three"],
        "max_tokens": 4,
        "temperature": 0,
        "echo": True,
    }
    plain = client.completions.create(**asked)
    chunks = list(
        client.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    texts = ["", ""]
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [choice.text for choice in plain.choices]
    assert texts[0].startswith(PROMPT)
    assert chunks[-1].usage == plain.usage
    finished = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert finished[-1].model_extra is not None
    assert finished[-1].model_extra["vaas"]["signature"]


def test_log_probabilities_cover_the_text(client: OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL, prompt=PROMPT, max_tokens=4, temperature=0, logprobs=2
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert logprobs.top_logprobs is not None
    assert "".join(logprobs.tokens) == answer.choices[0].text
    assert logprobs.text_offset == [
        len("".join(logprobs.tokens[:count])) for count in range(len(logprobs.tokens))
    ]
    assert all(len(likeliest) == 2 for likeliest in logprobs.top_logprobs)


def test_a_biased_token_is_chosen(client: OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL, prompt="Say", max_tokens=2, temperature=0, logit_bias={"33662": 100}
    )
    assert answer.choices[0].text == " hello hello"


def test_a_stop_ends_the_text(client: OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL, prompt="1, 2, 3, 4, 5,", max_tokens=32, temperature=0, stop=[" 7"]
    )
    assert answer.choices[0].finish_reason == "stop"
    assert "7" not in answer.choices[0].text


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": [1, 2, 3]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["x"] * 33}, "prompt"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"best_of": 3}, "best_of"),
        ({"echo": True, "logprobs": 1}, "logprobs"),
        ({"prompt": ["a", "b"], "suffix": "c"}, "suffix"),
        ({"suffix": "c", "logprobs": 1}, "logprobs"),
        ({"extra_body": {"grammar": "x"}}, "grammar"),
    ],
)
def test_a_wrong_field_is_named(client: OpenAI, change: dict[str, Any], param: str) -> None:
    arguments: dict[str, Any] = {"model": MODEL, "prompt": PROMPT, "max_tokens": 4, **change}
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(**arguments)
    assert caught.value.code == "invalid_request"
    assert caught.value.param == param
