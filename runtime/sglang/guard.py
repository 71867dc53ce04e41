"""What SGLang must never be sent: structure that it can't compile, media that it would fetch itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from runtime.grammars import (
    PATTERNS,
    grammar_problem,
    regex_problem,
    regex_signs,
    schema_problem,
)


def problem_of(body: Mapping[str, Any]) -> str | None:
    """Why a call's body is refused; None when it may be sent."""
    return next(filter(None, _problems(body)), None)


def _problems(body: Mapping[str, Any]) -> Iterator[str | None]:
    if isinstance(regex := body.get("regex"), str):
        yield regex_problem(regex)
    if isinstance(grammar := body.get("ebnf"), str):
        yield grammar_problem(grammar)
    signs = 0
    for schema in _schemas(body):
        yield schema_problem(schema)
        signs += regex_signs(schema)
        if signs > PATTERNS:
            yield f"the regexes of all tools have at most {PATTERNS} signs, repetitions written out"
    for message in body.get("messages") or ():
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            yield _media_problem(part)


def _schemas(body: Mapping[str, Any]) -> Iterator[Any]:
    shape = body.get("response_format")
    if isinstance(shape, Mapping) and (named := shape.get("json_schema")) is not None:
        yield named
    yield from body.get("tools") or ()


def _media_problem(part: Mapping[str, Any]) -> str | None:
    """Media travels as data: whatever else stands where a link may stand would be opened over there."""
    kind = str(part.get("type"))
    if kind == "text":
        return None
    media = part.get(kind)
    link = media.get("url") if isinstance(media, Mapping) else media
    if isinstance(link, str) and link.startswith("data:"):
        return None
    return f"a part of type {kind} is not sent as data"
