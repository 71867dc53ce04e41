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
"""The most signs that a regex has when its repetitions are written out, a class being one sign."""
PATTERNS: Final = 50_000
"""The same of all regexes of a schema together: about a second of xgrammar."""
_DIGITS: Final = 18  # of a number, the rest of a longer one makes no difference
_CHOICES: Final = frozenset(("anyOf", "oneOf", "allOf", "if", "then", "else", "not"))


def regex_problem(regex: str) -> str | None:
    """Why a regex is refused; None when an engine may compile it."""
    if "\0" in regex:
        return "a regex holds no NUL"
    if len(regex) > REGEX_CHARS:
        return f"a regex has at most {REGEX_CHARS} characters"
    if _written_out(regex) > REPEATS:
        return f"a regex has at most {REPEATS} signs with its repetitions written out"
    return None


def grammar_problem(grammar: str) -> str | None:
    """Why an EBNF grammar is refused."""
    if len(grammar) > SCHEMA_CHARS:
        return f"a grammar has at most {SCHEMA_CHARS} characters"
    if _written_out(grammar) > SCHEMA_CHARS:
        return f"a grammar has at most {SCHEMA_CHARS} signs with its repetitions written out"
    return None


def schema_problem(schema: Any) -> str | None:
    """Why a JSON Schema is refused. It is walked, not validated: engines judge its keywords."""
    chars = written_out = 0
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
            written_out += sum(map(_written_out, _regexes(node)))
            if written_out > PATTERNS:
                return f"the regexes of a schema have at most {PATTERNS} signs, repetitions written out"
    if chars > SCHEMA_CHARS:
        return f"a schema has at most {SCHEMA_CHARS} characters"
    return None


def regex_signs(schema: Any) -> int:
    """The signs of all regexes of a schema that has no problem, repetitions written out."""
    nodes = (node for node, _, _ in _nodes(schema) if isinstance(node, Mapping))
    return sum(_written_out(regex) for node in nodes for regex in _regexes(node))


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
    for regex in _regexes(node):
        if (problem := regex_problem(regex)) is not None:
            return problem
    for name in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"):
        bound = node.get(name)
        if isinstance(bound, int | float) and bound > REPEATS:
            return f"{name} of a schema is at most {REPEATS}"
    return None


def _regexes(node: Mapping[str, Any]) -> list[str]:
    """Those of one object of a schema."""
    pattern, named = node.get("pattern"), node.get("patternProperties")
    keys = map(str, named) if isinstance(named, Mapping) else ()
    return [*([pattern] if isinstance(pattern, str) else []), *keys]


def _written_out(text: str) -> int:
    """How many signs a regex has with its bounded repetitions ``{m,n}`` written out, nested ones too;
    classes and escapes are one sign each."""
    groups = [0]  # the signs inside each open group
    last = 0  # those of what a repetition would repeat now
    position = 0
    while position < len(text):
        sign = text[position]
        position += 1
        if sign == "(":
            groups.append(0)
            last = 0
            continue
        if sign == "{" and (end := text.find("}", position)) > 0:
            more = last * (max(1, _bound(text[position:end])) - 1)
            position = end + 1
            last += more
            groups[-1] += more
            continue
        if sign == ")" and len(groups) > 1:
            last = groups.pop()
        elif sign in "*+?":
            continue
        else:
            last = 1
            if sign == "\\":
                position += 1
            elif sign == "[":
                position = _class_end(text, position)
        groups[-1] += last
    return sum(groups)


def _class_end(text: str, position: int) -> int:
    """The position after a character class that was opened before ``position``."""
    while position < len(text) and text[position] != "]":
        position += 2 if text[position] == "\\" else 1
    return position + 1


def _bound(inside: str) -> int:
    """The larger number of ``m``, ``m,`` or ``m,n``; 1 for anything else."""
    numbers = [part.strip() for part in inside.split(",")]
    if len(numbers) > 2 or not all((part.isascii() and part.isdigit()) or not part for part in numbers):
        return 1
    return max((int(part[:_DIGITS]) for part in numbers if part), default=1)
