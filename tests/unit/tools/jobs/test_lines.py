"""Lines of a batch: split from any pieces, read in both forms, each failing by itself."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import ModelNotFound
from tools.jobs.lines import MOST_LINE_BYTES, BadLine, Endpoints, LineReader, Task, lines_of
from tools.jobs.seen import Seen, Twice, digest_of

CHAT, EMBED = "/v1/chat/completions", "/v1/embeddings"


def path_of(model: str) -> str:
    if model == "vectors":
        return EMBED
    if model == "talker":
        return CHAT
    raise ModelNotFound(f"There is no model {model!r}.", param="model")


ENDPOINTS = Endpoints({CHAT: "chat", EMBED: "embed"}, path_of)


def read(value: Any, endpoint: str | None = None) -> Task | BadLine:
    line = value if isinstance(value, bytes) else json.dumps(value).encode()
    return LineReader(ENDPOINTS, endpoint).read(7, line)


async def split(*parts: bytes) -> list[tuple[int, bytes]]:
    async def arriving() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return [each async for each in lines_of(arriving())]


@given(st.lists(st.binary(max_size=20).filter(lambda text: b"\n" not in text)), st.integers(1, 9))
async def test_pieces_of_any_size_give_the_same_lines(lines: list[bytes], step: int) -> None:
    data = b"\n".join(lines)
    found = await split(*(data[at : at + step] for at in range(0, len(data), step)))
    assert found == [(number, text) for number, text in enumerate(lines, 1) if text.strip()]


async def test_a_line_too_long_is_refused_and_the_next_one_read() -> None:
    parts = [b"x" * 1_000_000 for _ in range(5)]
    found = await split(b'{"a": 1}\n', *parts, b"y\n", b'{"b": 2}')
    assert [number for number, _ in found] == [1, 2, 3]
    assert len(found[1][1]) == MOST_LINE_BYTES + 1
    refused = read(found[1][1])
    assert isinstance(refused, BadLine)
    assert "at most" in refused.error.message
    assert found[2][1] == b'{"b": 2}'


def test_both_forms_are_the_same_task() -> None:
    body = {"messages": [{"role": "user", "content": "hi"}]}
    inline = read({"custom_id": "a", "model": "talker", "request_body": body})
    whole = {"model": "talker", **body}
    openai = read({"custom_id": "a", "method": "POST", "url": CHAT, "body": whole})
    assert isinstance(inline, Task)
    assert inline == openai == Task(7, "a", CHAT, "chat", whole)


def test_the_model_tells_the_path() -> None:
    found = read({"custom_id": "a", "model": "vectors", "request_body": {"input": "x"}})
    assert isinstance(found, Task)
    assert (found.endpoint, found.tool) == (EMBED, "embed")


@pytest.mark.parametrize(
    ("value", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b"\xff", None),
        (b"null", None),
        (b'{"custom_id": "\\u0000", "body": {}}', None),
        (b'{"a":' * 70 + b"1" + b"}" * 70, None),
        ({"body": {}}, "custom_id"),
        ({"custom_id": "", "body": {}}, "custom_id"),
        ({"custom_id": 1, "body": {}}, "custom_id"),
        ({"custom_id": "x" * 513, "body": {}}, "custom_id"),
        ({"custom_id": "a"}, "body"),
        ({"custom_id": "a", "body": []}, "body"),
        ({"custom_id": "a", "body": {}}, "model"),
        ({"custom_id": "a", "body": {"model": "nope"}}, "model"),
        ({"custom_id": "a", "url": "/v1/files", "body": {"model": "talker"}}, "url"),
        ({"custom_id": "a", "url": 5, "body": {"model": "talker"}}, "url"),
        ({"custom_id": "a", "method": "GET", "url": CHAT, "body": {}}, "method"),
        ({"custom_id": "a", "body": {"model": "talker", "stream": True}}, "stream"),
    ],
)
def test_what_is_wrong_with_a_line(value: Any, param: str | None) -> None:
    found = read(value)
    assert isinstance(found, BadLine)
    assert found.number == 7
    assert found.error.param == param


def test_a_line_for_another_endpoint_than_the_batchs() -> None:
    found = read({"custom_id": "a", "url": CHAT, "body": {"model": "talker"}}, EMBED)
    assert isinstance(found, BadLine)
    assert found.error.param == "url"


def test_two_equal_names_among_many_are_found_in_little_memory() -> None:
    names = [f"doc-{number}" for number in range(50_000)]
    seen = Seen(len(names))
    suspected = {digest_of(name) for name in [*names, "doc-7", "doc-49999"] if seen.add(name)}
    assert len(suspected) < 100
    twice = Twice(suspected)
    assert [name for name in [*names, "doc-7", "doc-49999"] if twice.again(name)] == [
        "doc-7",
        "doc-49999",
    ]
    assert len(seen._map) < 5 * len(names)
