"""How much structure a caller may ask for: schemas, regexes and grammars that engines can compile.

Engines build an automaton of every output that is allowed. Alternatives inside alternatives and deep
schemas double its size with each level (seen on xgrammar 0.2.7: half a second at 10 levels of two, over
25 s at 14), so what is too complex is refused before any engine sees it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

REGEX_CHARS: Final = 4096
SCHEMA_NODES: Final = 2000
SCHEMA_DEPTH: Final = 32
SCHEMA_CHARS: Final = 65_536
CHOICE_DEPTH: Final = 6
REPEATS: Final = 10_000
_CHOICES: Final = frozenset(("anyOf", "oneOf", "allOf", "if", "then", "else", "not"))


def regex_problem(regex: str) -> str | None:
    """Why a regex is refused; None when an engine may compile it."""
    if "\0" in regex:
        return "a regex holds no NUL"
    if len(regex) > REGEX_CHARS:
        return f"a regex has at most {REGEX_CHARS} characters"
    if _repeats(regex) > REPEATS:
        return f"repetitions of a regex, multiplied where they are nested, make at most {REPEATS}"
    return None


def grammar_problem(grammar: str) -> str | None:
    """Why an EBNF grammar is refused."""
    if len(grammar) > SCHEMA_CHARS:
        return f"a grammar has at most {SCHEMA_CHARS} characters"
    if _repeats(grammar) > REPEATS:
        return f"repetitions of a grammar, multiplied where they are nested, make at most {REPEATS}"
    return None


def schema_problem(schema: Any) -> str | None:
    """Why a JSON Schema is refused. It is walked, not validated: engines judge its keywords."""
    chars = 0
    for number, (node, depth, choices) in enumerate(_nodes(schema)):
        if number >= SCHEMA_NODES:
            return f"a schema has at most {SCHEMA_NODES} values"
        if depth > SCHEMA_DEPTH:
            return f"a schema is at most {SCHEMA_DEPTH} levels deep"
        if choices > CHOICE_DEPTH:
            return f"a schema has at most {CHOICE_DEPTH} levels of alternatives inside alternatives"
        if isinstance(node, str):
            chars += len(node)
        elif isinstance(node, Mapping):
            chars += sum(len(str(key)) for key in node)
            problem = _keywords_problem(node)
            if problem is not None:
                return problem
    if chars > SCHEMA_CHARS:
        return f"a schema has at most {SCHEMA_CHARS} characters"
    return None


def _nodes(schema: Any) -> Iterator[tuple[Any, int, int]]:
    """Every value of a schema with its depth, and how many alternatives lie around it; without
    recursion, however deep it is."""
    waiting = [(schema, 1, 0)]
    while waiting:
        node, depth, choices = waiting.pop()
        yield node, depth, choices
        if isinstance(node, Mapping):
            waiting.extend(
                (value, depth + 1, choices + (key in _CHOICES)) for key, value in node.items()
            )
        elif isinstance(node, list | tuple):
            waiting.extend((value, depth + 1, choices) for value in node)


def _keywords_problem(node: Mapping[str, Any]) -> str | None:
    pattern = node.get("pattern")
    if isinstance(pattern, str) and (problem := regex_problem(pattern)) is not None:
        return problem
    for name in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"):
        bound = node.get(name)
        if isinstance(bound, int | float) and bound > REPEATS:
            return f"{name} of a schema is at most {REPEATS}"
    return None


def _repeats(text: str) -> int:
    """The largest product of bounded repetitions ``{m,n}`` that are nested in each other.

    Every group multiplies its own count by the largest inside it; classes and escapes hold none.
    """
    levels = [1]  # the largest product inside each open group
    last = 1  # that of what a repetition would repeat now
    most = 1
    position = 0
    while position < len(text):
        sign = text[position]
        position += 1
        if sign == "\\":
            position += 1
            last = 1
        elif sign == "[":
            position = _class_end(text, position)
            last = 1
        elif sign == "(":
            levels.append(1)
            last = 1
        elif sign == ")" and len(levels) > 1:
            last = levels.pop()
            levels[-1] = max(levels[-1], last)
        elif sign == "{":
            end = text.find("}", position)
            if end > 0:
                last *= _bound(text[position:end])
                position = end + 1
            most = max(most, last)
            levels[-1] = max(levels[-1], last)
        elif sign not in "*+?":
            last = 1
    return most


def _class_end(text: str, position: int) -> int:
    """The position after a character class that was opened before ``position``."""
    while position < len(text) and text[position] != "]":
        position += 2 if text[position] == "\\" else 1
    return position + 1


def _bound(inside: str) -> int:
    """The larger number of ``m``, ``m,`` or ``m,n``; 1 for anything else."""
    numbers = [part.strip() for part in inside.split(",")]
    if len(numbers) > 2 or not all(part.isdigit() or not part for part in numbers):
        return 1
    return max((int(part) for part in numbers if part), default=1)
