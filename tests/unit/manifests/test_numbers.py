"""What the document says of numbers and scopes holds for the readers of any language."""

import re

import pytest
from starlette.requests import Request

from base.errors import InvalidRequest
from manifests.account import SCOPE
from manifests.operation import NUMBER
from server.web.query import number_read, numbers_read


def asked(text: str) -> Request:
    return Request({"type": "http", "query_string": f"after={text}".encode(), "headers": []})


def test_every_number_that_fits_the_schema_is_read() -> None:
    for number in (NUMBER["minimum"], NUMBER["maximum"]):
        assert numbers_read(asked(str(number)), ("after",)) == {"after": number}
        assert number_read(asked(str(number)), "after", -1) == number
    with pytest.raises(InvalidRequest):
        numbers_read(asked(str(NUMBER["maximum"] + 1)), ("after",))


def test_a_model_of_a_scope_has_no_character_that_languages_take_for_different_things() -> None:
    """U+0085 is white space to Python and none to ECMAScript, whose patterns JSON Schema has."""
    assert re.fullmatch(SCOPE, "model:qwen3-32b")
    assert not re.fullmatch(SCOPE, "model:\u0085")
    assert not re.fullmatch(SCOPE, "model:é")
