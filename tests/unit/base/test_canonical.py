"""The canonical form against the published vectors and another implementation of RFC 8785."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from base.canonical import MAX_DEPTH, SAFE_INTEGER, NotCanonical, canonical, canonical_request

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "rfc8785.json").read_text())

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-SAFE_INTEGER, SAFE_INTEGER)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=30,
)


@pytest.mark.parametrize("vector", VECTORS["numbers"], ids=lambda vector: vector["ieee754"])
def test_numbers_of_appendix_b(vector: dict[str, str]) -> None:
    [value] = struct.unpack(">d", bytes.fromhex(vector["ieee754"]))
    assert canonical(value) == vector["json"].encode()


@pytest.mark.parametrize("vector", VECTORS["documents"], ids=lambda vector: vector["name"])
def test_documents_of_the_rfc(vector: dict[str, Any]) -> None:
    assert canonical(vector["value"]) == vector["canonical"].encode()


@given(VALUES)
@example({"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "\r": 4, "1": 5})
@example([1e-5, 1e-6, 1e-7, 9.999e-6, 1e16, 1e15, 1e21, 1e22, -0.0, 5e-324])
def test_any_value_is_written_as_the_other_implementation_writes_it(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(st.floats(width=64, allow_nan=False, allow_infinity=False))
def test_any_double_is_written_as_the_other_implementation_writes_it(value: float) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(VALUES)
def test_it_is_json_of_the_same_value_and_a_fixed_point(value: Any) -> None:
    written = canonical(value)
    assert canonical(json.loads(written, parse_int=float)) == written


@given(st.dictionaries(TEXT, VALUES, max_size=3))
def test_the_value_itself_is_left_alone(value: dict[str, Any]) -> None:
    before = json.dumps(value)
    canonical_request(value)
    assert json.dumps(value) == before


def nested(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**53,
        -(2**53),
        "\ud800",
        {"\ud800": 1},
        {"\u20ac\ud800": 1},
        {1: 2},
        {"a": {1, 2}},
        b"bytes",
        object(),
        nested(MAX_DEPTH + 1),
        nested(100_000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


def test_the_deepest_allowed_value_is_written() -> None:
    assert canonical(nested(MAX_DEPTH)) == b"[" * MAX_DEPTH + b"0" + b"]" * MAX_DEPTH


def test_a_request_leaves_out_what_only_the_transport_needs() -> None:
    body = {"model": "m", "n": 1, "stream": True, "stream_options": {"include_usage": True}}
    assert canonical_request(body) == canonical_request({"n": 1, "model": "m"}) == b'{"model":"m","n":1}'
    inner = {"a": {"stream": True}}
    assert canonical_request(inner) == b'{"a":{"stream":true}}'


@given(st.integers(-(2**63), 2**64 - 1))
@example(2**53)
@example(2**53 - 1)
def test_a_big_integer_of_a_request_is_a_string(value: int) -> None:
    safe = abs(value) <= SAFE_INTEGER
    assert canonical_request({"seed": value}) == rfc8785.dumps({"seed": value if safe else str(value)})


@given(st.integers(2**64, 2**1023))
def test_an_integer_beyond_64_bits_is_the_double_that_json_readers_make_of_it(value: int) -> None:
    assert canonical_request({"seed": value}) == rfc8785.dumps({"seed": float(value)})


def test_an_integer_beyond_every_double_is_refused() -> None:
    with pytest.raises(NotCanonical):
        canonical_request({"seed": 10**400})
