"""A prompt that is filled in stays as small as a request may be."""

import pytest

from base.errors import InvalidRequest
from tools.prompts.template import MOST_FILLED_CHARS, PromptMessage, Template


def template(content: str) -> Template:
    return Template(messages=[PromptMessage(role="user", content=content)])


def test_a_variable_that_stands_often_makes_no_giant() -> None:
    often = template("{{a}}" * 40_000)
    with pytest.raises(InvalidRequest, match=str(MOST_FILLED_CHARS)):
        often.filled({"a": "x" * 200_000})
    assert often.filled({"a": "xy"}) == [{"role": "user", "content": "xy" * 40_000}]
