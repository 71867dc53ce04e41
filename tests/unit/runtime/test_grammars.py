"""Schemas, regexes and grammars: what engines can compile passes, a bomb does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.grammars import grammar_problem, regex_problem, schema_problem


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def alternatives(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"anyOf": [schema, {"type": "null"}]}
    return schema


@pytest.mark.parametrize(
    "regex",
    [
        "(yes|no)",
        r"\d{3}-\d{4}",
        "[a-z]{1,100}",
        "[{}]{2}",
        r"\{1,99999\}",
        "a{,5}",
        "x{2}{3}",
        "a{\u00b2}",
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "(",
        "{",
    ],
)
def test_a_plain_regex_passes(regex: str) -> None:
    assert regex_problem(regex) is None


@pytest.mark.parametrize(
    "regex",
    [
        "(a{1,1000}){1,1000}",
        "((a{50}){50}){50}",
        "(x|(y{500}b)){500}",
        "a{100000}",
        "a{101}{101}",
        "(a{1,100}){1,99}" * 2,  # one after the other adds up
        "(" + "ab" * 100 + "){1,100}",
        "a{%s}" % ("9" * 4000),
        "a" * 4097,
        "\0a",
    ],
)
def test_a_bomb_is_no_regex(regex: str) -> None:
    assert regex_problem(regex) is not None


@given(st.text(alphabet="a(){}[]\\,0123456789|*", max_size=60))
def test_any_text_is_judged(regex: str) -> None:
    problem = regex_problem(regex)
    assert problem is None or "written out" in problem


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        {"enum": ["a", "b"]},
        {"$defs": {"n": {"properties": {"c": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
        {"properties": {f"p{number}": {"type": "string"} for number in range(300)}},
        deep(12),
        alternatives(6),
        True,
    ],
)
def test_a_usual_schema_passes(schema: Any) -> None:
    assert schema_problem(schema) is None


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (deep(50), "levels deep"),
        (deep(50_000), "levels deep"),
        (alternatives(10), "alternatives"),
        ({"enum": [str(number) for number in range(5000)]}, "values"),
        ({"const": "x" * 100_000}, "characters"),
        ({"properties": {"p" * 70_000: {}}}, "characters"),
        ({"items": {"pattern": "(a{1,1000}){1,1000}"}}, "written out"),
        ({"patternProperties": {"(a{1,1000}){1,1000}": {}}}, "written out"),
        ({"patternProperties": {"a" * 5000: {}}}, "characters"),
        ({"properties": {f"p{n}": {"pattern": "(a{1,100}){1,99}"} for n in range(6)}}, "of a schema"),
        ({"maxItems": 1_000_000}, "maxItems"),
        ({"properties": {"a": {"minLength": 20_000}}}, "minLength"),
    ],
)
def test_a_schema_that_grows_without_end_is_refused(schema: Any, said: str) -> None:
    problem = schema_problem(schema)
    assert problem is not None
    assert said in problem


def test_grammars_have_a_size() -> None:
    assert grammar_problem('root ::= "yes" | "no"') is None
    assert grammar_problem('root ::= ("a"{1,1000}){1,1000}') is not None
    assert grammar_problem("x" * 70_000) is not None
