"""One byte form of a JSON value: RFC 8785 (JCS), fast for what requests and records hold.

orjson with sorted keys writes RFC 8785 already, but for four things: floats that have no fraction or lie
below 1e-5, integers of 2^53 and above, and keys beyond ASCII (RFC 8785 sorts by UTF-16). One walk finds
those, replaces just them, and orjson does the rest.
"""

import math
from collections.abc import Callable, Mapping
from operator import is_
from typing import Any, Final

import orjson
import rfc8785

from base.errors import InvalidRequest

MAX_DEPTH: Final = 64
SAFE_INTEGER: Final = 2**53 - 1
_TRANSPORT: Final = frozenset(("stream", "stream_options"))


class NotCanonical(InvalidRequest):
    """The value has no RFC 8785 form: too deep, NaN, lone surrogates, unsafe integers, foreign types."""

    resolution = "Send plain JSON (RFC 8259) of at most 64 levels, numbers that a double can hold."


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of dicts, lists, strings, numbers, booleans and None.

    Raises NotCanonical for integers of 2^53 and above too: write them as strings (section 6).
    """
    return _dump(_shaped(value, MAX_DEPTH, _refuse))


def canonical_request(body: Mapping[str, Any]) -> bytes:
    """The bytes that a request hash covers: the body as sent, without ``stream`` and ``stream_options``.

    Integers of 2^53 and above, up to 64 bits, stand as decimal strings; larger ones are the double that
    JSON readers make of them. Raises NotCanonical.
    """
    if _TRANSPORT.isdisjoint(body):
        return _dump(_shaped(body, MAX_DEPTH, _spelled))
    rest = {name: value for name, value in body.items() if name not in _TRANSPORT}
    return _dump(_shaped(rest, MAX_DEPTH, _spelled))


def _dump(shaped: Any) -> bytes:
    try:
        return orjson.dumps(shaped, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise NotCanonical("A text holds lone surrogates, or a value is not JSON.") from None


def _shaped(value: Any, levels: int, big: Callable[[int], Any]) -> Any:
    """The value itself where orjson writes its canonical form, else an equivalent that it does."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is int:
        return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else big(value)
    if kind is float:
        return _shaped_float(value)
    if levels == 0:
        raise NotCanonical(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    if kind is dict:
        return _shaped_object(value, levels - 1, big)
    if kind is list or kind is tuple:
        return _shaped_array(value, levels - 1, big)
    raise NotCanonical(f"A value of type {kind.__name__} is not JSON.")


def _shaped_object(value: dict[Any, Any], levels: int, big: Callable[[int], Any]) -> Any:
    changed: dict[str, Any] | None = None
    ascii_keys = True
    for key, item in value.items():
        if type(key) is not str:
            raise NotCanonical("A key of an object is not a string.")
        if not key.isascii():
            ascii_keys = False
        kind = type(item)
        if kind is str or item is None or (kind is int and 0 <= item <= SAFE_INTEGER):
            continue
        shaped = _shaped(item, levels, big)
        if shaped is not item:
            if changed is None:
                changed = dict(value)
            changed[key] = shaped
    result = value if changed is None else changed
    return result if ascii_keys else _sorted_by_utf16(result)


def _shaped_array(value: list[Any], levels: int, big: Callable[[int], Any]) -> list[Any]:
    shaped = [item if type(item) is str else _shaped(item, levels, big) for item in value]
    return value if all(map(is_, shaped, value)) else shaped


def _shaped_float(value: float) -> Any:
    if not math.isfinite(value):
        raise NotCanonical("NaN and Infinity are not JSON.")
    if not value.is_integer():
        return value if abs(value) >= 1e-5 else orjson.Fragment(rfc8785.dumps(value))
    if -SAFE_INTEGER <= value <= SAFE_INTEGER:
        return int(value)
    return orjson.Fragment(rfc8785.dumps(value))


def _sorted_by_utf16(members: dict[str, Any]) -> orjson.Fragment:
    """Section 3.2.3: by UTF-16 code units, which differs from UTF-8 order beyond U+FFFF."""
    try:
        names = sorted(members, key=lambda name: name.encode("utf-16-be"))
    except UnicodeEncodeError:
        raise NotCanonical("A key holds lone surrogates.") from None
    parts = (_dump(name) + b":" + _dump(members[name]) for name in names)
    return orjson.Fragment(b"{" + b",".join(parts) + b"}")


def _refuse(value: int) -> Any:
    raise NotCanonical("An integer of 2^53 or above stands where a string is needed.")


def _spelled(value: int) -> Any:
    if -(2**63) <= value < 2**64:
        return str(value)
    try:
        return _shaped_float(float(value))
    except OverflowError:
        raise NotCanonical("An integer is larger than a double can hold.") from None
