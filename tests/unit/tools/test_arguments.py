"""Arguments of tools are read as JSON has them, and what is wrong is named."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from base.errors import InvalidRequest
from tools.arguments import parse
from tools.chat_schema import ChatInput


class Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    count: int
    share: float = 0.5


class Whole(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    parts: list[Part]
    limit: int | None = None


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    """JSON Schema, validation 6.1.1: 1.0 is an integer."""
    asked = {"parts": [{"count": 2.0, "share": 1.0}], "limit": 10.0}
    read = parse(Whole, asked)
    assert read == Whole(parts=[Part(count=2, share=1.0)], limit=10)
    assert asked["limit"] == 10.0
    chat = {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 8.0}
    assert parse(ChatInput, chat).max_tokens == 8


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"parts": [], "limit": 2.5}, "limit"),
        ({"parts": [], "limit": True}, "limit"),
        ({"parts": [], "limit": "2"}, "limit"),
        ({"parts": [], "limit": float("inf")}, "limit"),
        ({"parts": [{"count": 1.5}], "limit": 2.0}, "parts.0.count"),
        ({"parts": 5, "limit": 2.0}, "parts"),
    ],
)
def test_what_is_no_whole_number_is_named(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(Whole, asked)
    assert caught.value.param == param
