"""Hostile JSON at the doors of proof: a refusal or a verdict, never an error, and nobody waits."""

import copy
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live import LiveServer

BUNDLE, MERKLE, ATTEST = "/v1/audit/verify-bundle", "/v1/audit/verify-merkle", "/v1/vaas"
PATHS = (BUNDLE, MERKLE, ATTEST)
TEXTS = {
    "input_text": "1 + 1?",
    "output_text": "2",
    "model_id": "gpt-elsewhere",
    "gpu_id": "gpu-7",
    "policy": {"review_at": 0.3, "block_at": 0.8},
    "decision": "allow",
}
PROOF = {
    "leaf_hash": "0" * 64,
    "proof": ["1" * 64, {"hash": "2" * 64, "position": "left"}],
    "root": "sha256:" + "3" * 64,
    "leaf_index": 1,
    "tree_size": 3,
}
LARGE = 2_000_000
RAW: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'{"evidence":"\xff\xfe"}',
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "NaN": b'{"evidence":NaN,"leaf_hash":NaN,"input_text":NaN}',
    "Infinity": b'{"evidence":[Infinity,-Infinity]}',
    "a number of 401 digits": b'{"evidence":1' + b"0" * 400 + b"}",
    "1e400": b'{"evidence":1e400}',
    "a lone surrogate": b'{"evidence":"\\ud800"}',
    "a lone surrogate as a name": b'{"\\udfff":1}',
    "U+0000": b'{"evidence":{"a\\u0000":1}}',
    "one member twice": b'{"evidence":{},"evidence":{"payload":1},"leaf_hash":1,"leaf_hash":2}',
    "deep": b'{"evidence":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deeper than may be": b'{"evidence":' + b"[" * 70 + b"]" * 70 + b"}",
    "a million lists": b'{"evidence":[' + b"[]," * (LARGE // 3) + b"[]]}",
    "a million numbers": b'{"evidence":[' + b"1," * (LARGE // 2) + b"1]}",
    "many members": b"{" + b",".join(b'"%d":1' % at for at in range(LARGE // 12)) + b"}",
    "many members inside": b'{"policy":{' + b",".join(b'"%d":1' % at for at in range(9_000)) + b"}}",
    "a text of 2 MB": b'{"evidence":"' + b"x" * LARGE + b'","input_text":"' + b"y" * 9_000 + b'"}',
    "more than may be": b'{"evidence":"' + b"x" * 2_200_000 + b'"}',
}


@pytest.fixture(scope="module")
def http(live_server: LiveServer) -> Iterator[httpx.Client]:
    headers = {
        "authorization": f"Bearer {live_server.api_key}",
        "content-type": "application/json",
    }
    with httpx.Client(base_url=live_server.url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def valid(http: httpx.Client) -> dict[str, Any]:
    """What each path takes, with nothing wrong in it."""
    record_id = http.post(ATTEST, json=TEXTS).json()["record_id"]
    deadline = time.monotonic() + 60
    while (bundle := http.get(f"/v1/vaas/{record_id}/bundle").json())["inclusion"] is None:
        assert time.monotonic() < deadline, "no place in the log"
        time.sleep(0.05)
    taken = {BUNDLE: bundle, MERKLE: PROOF, ATTEST: TEXTS}
    for path, body in taken.items():
        assert http.post(path, json=body).status_code == 200
    return taken


def judged(path: str, answer: httpx.Response) -> None:
    """The documented error, or what the path answers."""
    said = answer.json()
    if answer.status_code == 200:
        assert said["record_id" if path == ATTEST else "checks"]
        return
    assert 400 <= answer.status_code < 500, answer.text
    error = said["error"]
    assert set(error) == {"code", "message", "type", "param", "resolution"}
    assert error["message"]
    assert error["resolution"]


@pytest.mark.parametrize("what", RAW)
@pytest.mark.parametrize("path", PATHS)
def test_hostile_bodies(http: httpx.Client, path: str, what: str) -> None:
    answer = http.post(path, content=RAW[what])
    judged(path, answer)
    assert answer.status_code != 200 or path == BUNDLE
    assert http.get("/livez").status_code == 200


def test_a_flood_of_them_keeps_nobody_waiting(http: httpx.Client, valid: dict[str, Any]) -> None:
    """The largest, one after the other, and between them the same answers as ever."""
    for what in ("a million lists", "many members", "a text of 2 MB"):
        for path in PATHS:
            judged(path, http.post(path, content=RAW[what]))
            assert http.post(path, json=valid[path]).status_code == 200


SURROGATES = st.sampled_from(["\ud800", "\udfff", "\udc00\ud800"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**18, 10**400)
    | st.floats()
    | st.text()
    | SURROGATES
    | st.sampled_from(["", "0" * 64, "sha256:" + "0" * 64, "left", "0x", "a" * 600]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    items = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, item in items:
        yield from places(item, (*place, name))


def put(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    if not place:
        return other
    changed = copy.deepcopy(value)
    holder = changed
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = other
    return changed


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_place(
    http: httpx.Client, valid: dict[str, Any], path: str, data: st.DataObject
) -> None:
    place = data.draw(st.sampled_from(list(places(valid[path]))))
    changed = put(valid[path], place, data.draw(JSON))
    judged(path, http.post(path, content=json.dumps(changed).encode()))


@pytest.mark.parametrize("path", PATHS)
def test_the_shapes_of_each_member(http: httpx.Client, valid: dict[str, Any], path: str) -> None:
    """Each place with each kind of value, one after the other."""
    others: tuple[Any, ...] = (None, True, -1, 2**63, 10**400, 0.5, float("nan"), "", [], {}, [[]])
    for place in places(valid[path]):
        for other in others:
            judged(path, http.post(path, content=json.dumps(put(valid[path], place, other)).encode()))
