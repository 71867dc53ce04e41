"""The official openai SDK against the real server and its real model."""

import base64
import struct

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from base.ids import run_id_from
from tests.live import LiveServer

QUESTION: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "What is the capital of France? Answer in one word."}
]


def test_a_plain_answer_carries_every_documented_header_and_its_evidence(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="qwen3-32b", messages=QUESTION, max_tokens=16, temperature=0
    )
    answer = raw.parse()
    assert answer.object == "chat.completion"
    assert answer.model == "qwen3-32b"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert 0 < answer.usage.completion_tokens <= 16
    for header in (
        "traceparent",
        "x-request-id",
        "x-batchin-run-id",
        "x-batchin-prompt-version",
        "x-vaas-record-id",
        "x-vaas-signature",
        "x-vaas-publickey",
        "x-batchin-served-model",
    ):
        assert raw.headers[header], header
    assert raw.headers["x-batchin-served-model"] != "qwen3-32b"
    assert answer.model_extra is not None
    assert answer.model_extra["vaas"]["signature"] == raw.headers["x-vaas-signature"]
    assert run_id_from(raw.headers["x-vaas-record-id"]) == raw.headers["x-batchin-run-id"]


def test_a_stream_says_what_a_plain_call_says_and_ends_with_its_evidence(client: OpenAI) -> None:
    plain = client.chat.completions.create(
        model="qwen3-32b", messages=QUESTION, max_tokens=16, temperature=0, seed=1
    )
    chunks = list(
        client.chat.completions.create(
            model="qwen3-32b",
            messages=QUESTION,
            max_tokens=16,
            temperature=0,
            seed=1,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    finish = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert len(finish) == 1
    assert finish[0].choices[0].finish_reason == plain.choices[0].finish_reason
    assert finish[0].model_extra is not None
    assert set(finish[0].model_extra["vaas"]) == {
        "record_id",
        "run_id",
        "signature",
        "public_key",
        "payload_hash",
    }
    assert chunks[-1].choices == []
    assert chunks[-1].usage == plain.usage


def test_every_chunk_without_usage_has_a_choice(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="qwen3-32b", messages=QUESTION, max_tokens=4, stream=True
    )
    assert all(chunk.choices for chunk in stream)


def test_several_answers(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="qwen3-32b", messages=QUESTION, max_tokens=8, n=2, seed=3
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.message.content for choice in answer.choices)


def test_an_answer_in_a_schema(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    answer = client.chat.completions.create(
        model="qwen3-32b",
        messages=QUESTION,
        max_tokens=32,
        temperature=0,
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
    )
    import json

    assert json.loads(answer.choices[0].message.content or "")["city"] in ("Paris", "Rome")


def test_logprobs_cover_the_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="qwen3-32b", messages=QUESTION, max_tokens=6, temperature=0, logprobs=True, top_logprobs=2
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content
    assert "".join(token.token for token in logprobs.content).startswith(
        (answer.choices[0].message.content or "")[:1]
    )
    assert all(len(token.top_logprobs) == 2 for token in logprobs.content)


def test_embeddings_as_numbers_and_as_base64_are_the_same(client: OpenAI) -> None:
    texts = ["batch inference", "retrieval augmented generation"]
    numbers = client.embeddings.create(model="bge-m3", input=texts, encoding_format="float")
    packed = client.embeddings.create(model="bge-m3", input=texts, encoding_format="base64")
    assert [item.index for item in numbers.data] == [0, 1]
    for number, pack in zip(numbers.data, packed.data, strict=True):
        raw = base64.b64decode(str(pack.embedding))
        assert list(struct.unpack(f"<{len(raw) // 4}f", raw)) == pytest.approx(
            number.embedding, abs=1e-7
        )


def test_one_text_is_one_vector(client: OpenAI) -> None:
    one = client.embeddings.create(model="bge-m3", input="batch inference")
    assert len(one.data) == 1
    assert one.usage.prompt_tokens > 0


def test_models_are_listed_without_a_key(live_server: LiveServer) -> None:
    listed = OpenAI(base_url=live_server.url + "/v1", api_key="none").models.list()
    assert {"qwen3-32b", "bge-m3"} <= {
        name for model in listed for name in (model.id, *(model.model_extra or {}).get("aliases", ()))
    }


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"temperature": 9}, "temperature"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"reasoning_effort": "low"}, "reasoning_effort"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
                ]
            },
            "messages.0.content",
        ),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"n": 0}, "n"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "messages.0.role"),
    ],
)
def test_a_wrong_field_is_named(client: OpenAI, change: dict[str, object], param: str) -> None:
    arguments = {"model": "qwen3-32b", "messages": QUESTION, "max_tokens": 4, **change}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**arguments)  # type: ignore[call-overload]  # wrong on purpose
    assert caught.value.code == "invalid_request"
    assert caught.value.param == param
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_an_unknown_model(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-9", messages=QUESTION)
    assert caught.value.code == "model_not_found"


def test_too_long_a_context(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="qwen3-32b", messages=[{"role": "user", "content": "word " * 60_000}], max_tokens=4
        )
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    "key", ["batchin_api_" + "x" * 43, "sk-other", "batchin_api_'; drop table api_key"]
)
def test_unknown_keys_are_told_the_same(live_server: LiveServer, key: str) -> None:
    client = OpenAI(base_url=live_server.url + "/v1", api_key=key, max_retries=0)
    with pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(model="qwen3-32b", messages=QUESTION)
    assert caught.value.body == {
        "code": "unauthorized",
        "message": "API key is invalid or missing",
        "type": "authentication_error",
        "param": None,
        "resolution": "Verify Authorization: Bearer <API_KEY>.",
    }
