"""Every way to tamper with a JSON document, field by field: changed, removed, retyped, swapped."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

Path = tuple[str | int, ...]
_DIGITS: Final = "0123456789"


@dataclass(frozen=True, slots=True)
class Flip:
    """``document`` is a whole one in which what stands at ``path`` was tampered with, in one ``way``."""

    path: Path
    way: str
    document: Any

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))} {self.way}"


def flips(document: Any, seed: int = 0) -> Iterator[Flip]:
    """Each tampered document; ``seed`` chooses which character of a text is changed."""
    chance = random.Random(seed)
    plain = orjson.dumps(document)
    for path in paths(document):
        value = _at(document, path)
        for way, other in _others(value, chance):
            yield Flip(path, way, _with(plain, path, other))
        yield Flip(path, "removed", _without(plain, path))
        swapped = _swapped(plain, path)
        if swapped is not None:
            yield Flip(path, "swapped", swapped)


def paths(document: Any, path: Path = ()) -> Iterator[Path]:
    """Of every member and item, the outer ones first."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))


def _others(value: Any, chance: random.Random) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str):
        yield "changed", _changed(value, chance)
        yield "made longer", value + "0"
        others: tuple[Any, ...] = (7, None, [value], {"is": value}, True)
    elif isinstance(value, int):
        yield "changed", value + 1
        others = (str(value), float(value), None, [value], True, 2**60)
    else:
        yield "emptied", type(value)() if value else "x"
        others = (None, "x", 7, [value])
    for other in others:
        if other != value or type(other) is not type(value):
            yield f"retyped to {type(other).__name__}", other


def _changed(text: str, chance: random.Random) -> str:
    """Another text of the same alphabet, where that can be."""
    if not text:
        return "x"
    at = chance.randrange(len(text))
    old = text[at]
    new = str((int(old) + 1) % 10) if old in _DIGITS else ("a" if old != "a" else "b")
    return text[:at] + new + text[at + 1 :]


def _at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def _with(plain: bytes, path: Path, value: Any) -> Any:
    document = orjson.loads(plain)
    _at(document, path[:-1])[path[-1]] = value
    return document


def _without(plain: bytes, path: Path) -> Any:
    document = orjson.loads(plain)
    del _at(document, path[:-1])[path[-1]]
    return document


def _swapped(plain: bytes, path: Path) -> Any:
    """The value and its next neighbour's in each other's place; None without one that differs."""
    document = orjson.loads(plain)
    holder = _at(document, path[:-1])
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    after = keys.index(path[-1]) + 1
    if after == len(keys):
        return None
    one, other = path[-1], keys[after]
    if type(holder[one]) is type(holder[other]) and holder[one] == holder[other]:
        return None
    holder[one], holder[other] = holder[other], holder[one]
    return document
