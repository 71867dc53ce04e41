"""What clients of OpenAI's API send though it changes nothing is taken; what would change it is not."""

from collections.abc import Callable
from typing import Any, Final

import openai
import pytest
from openai import OpenAI

MODEL: Final = "qwen3-32b"
Ask = Callable[..., Any]


def chat(client: OpenAI, **more: Any) -> Any:
    messages: Any = [{"role": "user", "content": "Hi"}]
    return client.chat.completions.create(model=MODEL, messages=messages, max_tokens=2, **more)


def respond(client: OpenAI, **more: Any) -> Any:
    return client.responses.create(model=MODEL, input="Hi", max_output_tokens=2, **more)


def draw(client: OpenAI, **more: Any) -> Any:
    return client.images.generate(model="flux-schnell", prompt="an apple", size="256x256", **more)


@pytest.mark.parametrize(
    ("ask", "field", "value"),
    [
        (chat, "modalities", ["text"]),
        (chat, "verbosity", "medium"),
        (chat, "prompt_cache_retention", "24h"),
        (chat, "service_tier", "auto"),
        (respond, "tool_choice", "auto"),
        (respond, "tool_choice", "none"),
        (respond, "include", ["file_search_call.results", "web_search_call.action.sources"]),
        (respond, "truncation", "disabled"),
        (draw, "stream", False),
    ],
)
def test_what_changes_nothing_is_taken(client: OpenAI, ask: Ask, field: str, value: Any) -> None:
    assert ask(client, **{field: value})


@pytest.mark.parametrize(
    ("ask", "field", "value"),
    [
        (chat, "modalities", ["text", "audio"]),
        (chat, "verbosity", "low"),
        (chat, "tool_choice", "auto"),
        (respond, "tool_choice", "required"),
        (respond, "include", ["message.input_image.image_url"]),
        (respond, "truncation", "auto"),
        (draw, "stream", True),
    ],
)
def test_what_would_change_it_is_refused_by_name(
    client: OpenAI, ask: Ask, field: str, value: Any
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **{field: value})
    assert str(caught.value.param).partition(".")[0] == field


def test_the_cuts_of_a_sound_are_ours(client: OpenAI) -> None:
    said = client.audio.speech.create(
        model="cosyvoice", input="Hello.", voice="alloy", response_format="wav"
    )
    heard = client.audio.transcriptions.create(
        model="whisper-large-v3-turbo", file=("s.wav", said.read()), chunking_strategy="auto"
    )
    assert heard.text


def test_a_list_that_is_too_short_is_told_in_plain_words(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODEL, input=[])
    assert "input should have at least 1 item." in caught.value.message


def test_a_batch_of_no_file_names_the_field(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.batches.create(
            input_file_id="file_none", endpoint="/v1/embeddings", completion_window="24h"
        )
    assert caught.value.param == "input_file_id"
