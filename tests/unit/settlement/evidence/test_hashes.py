"""Hashes that both sides can reproduce, however the answer travelled."""

import base64
import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from settlement.evidence.bodies import response_hash
from settlement.evidence.hashes import chat_response_hash, request_hash


def choice(index: int, content: str | None, reason: str = "stop", **extra: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **extra}
    return {"index": index, "message": message, "finish_reason": reason}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_a_stream_put_together_hashes_as_the_whole_answer(pieces: list[str]) -> None:
    whole = {**choice(0, "".join(pieces), refusal=None), "logprobs": None}
    content = ""
    for piece in pieces:
        content += piece
    streamed = {
        "index": 0,
        "message": {"role": "assistant", "content": content},
        "finish_reason": "stop",
    }
    assert chat_response_hash([whole]) == chat_response_hash([streamed])


def test_no_content_and_empty_content_and_empty_extras_are_one() -> None:
    bare = chat_response_hash([choice(0, "")])
    assert chat_response_hash([choice(0, None)]) == bare
    assert chat_response_hash([choice(0, "", refusal="", tool_calls=[], reasoning_content=None)]) == bare


def test_what_an_answer_says_changes_its_hash() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    other = {**call, "function": {"name": "f", "arguments": "{ }"}}
    answers = [
        [choice(0, "a")],
        [choice(0, "b")],
        [choice(0, "a", "length")],
        [choice(1, "a")],
        [choice(0, "a"), choice(1, "a")],
        [choice(0, "a", refusal="no")],
        [choice(0, "a", reasoning_content="because")],
        [choice(0, "a", tool_calls=[call])],
        [choice(0, "a", tool_calls=[other])],
    ]
    assert len({chat_response_hash(answer) for answer in answers}) == len(answers)


def test_the_order_of_choices_and_of_members_does_not_matter() -> None:
    first, second = choice(0, "a"), choice(1, "b")
    turned = dict(reversed(first.items()))
    assert chat_response_hash([second, turned]) == chat_response_hash([first, second])


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_vectors_hash_alike_as_numbers_and_as_base64(vector: list[float]) -> None:
    packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    assert response_hash("embed", {"data": [{"index": 0, "embedding": vector}]}) == response_hash(
        "embed", {"data": [{"index": 0, "embedding": packed}]}
    )


def test_a_request_hashes_alike_streamed_or_not_and_in_any_order() -> None:
    body = {"model": "m", "temperature": 1, "messages": [{"role": "user", "content": "hi"}]}
    turned = {**dict(reversed(body.items())), "temperature": 1.0, "stream": True, "stream_options": {}}
    assert request_hash(body) == request_hash(turned)
    assert request_hash(body) != request_hash({**body, "max_tokens": 1})
