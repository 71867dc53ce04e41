"""JSON of two mebibytes that is made to cost: it is refused, or read, without holding up everybody."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, ConfigDict

from base.errors import InvalidRequest
from server.web.request import MAX_HOLDERS, MAX_MEMBERS, Head, read_json
from tools.arguments import parse

BYTES = 2_000_000
MOST_CPU_S = 0.4  # at most 0.08 on a busy machine; it was 1.0 before
HOSTILE: dict[str, bytes] = {
    "empty lists": b'{"a":[' + b"[]," * (BYTES // 3) + b"[]]}",
    "empty objects": b'{"a":[' + b"{}," * (BYTES // 3) + b"{}]}",
    "as deep as may be, often": b'{"a":[' + b",".join([b"[" * 60 + b"]" * 60] * 16_000) + b"]}",
    "deep": b'{"a":' + b"[" * (BYTES // 2) + b"]" * (BYTES // 2) + b"}",
    "members": b"{" + b",".join(b'"%d":1' % number for number in range(BYTES // 12)) + b"}",
    "a NUL at the end": b'{"a":[' + b'"",' * (BYTES // 3) + b'"\\u0000"]}',
    "numbers": b'{"a":[' + b"1," * (BYTES // 2) + b"1]}",
    "one text": b'{"a":"' + b"x" * BYTES + b'"}',
    "brackets in a text": b'{"a":"' + b"[{" * (BYTES // 2) + b'"}',
    "escapes": b'{"a":"' + b'\\"' * (BYTES // 2) + b'","b":[' + b"[]," * 70 + b"1]}",
}
READ = {"numbers", "one text", "brackets in a text", "escapes"}
HEAD = Head({})


class Small(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str


def cpu_s(work: Callable[[], Any]) -> float:
    began_s = time.thread_time()
    work()
    return time.thread_time() - began_s


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_made_to_cost_is_refused_or_read_at_once(what: str) -> None:
    def read() -> None:
        if what in READ:
            read_json(HEAD, HOSTILE[what])
            return
        with pytest.raises(InvalidRequest) as refused:
            read_json(HEAD, HOSTILE[what])
        assert refused.value.resolution

    assert min(cpu_s(read) for _ in range(2)) < MOST_CPU_S


def test_many_wrong_members_are_counted_and_not_told_one_by_one() -> None:
    wrong = {str(number): 1 for number in range(200_000)}

    def refused() -> None:
        with pytest.raises(InvalidRequest, match="wrong in 200001 places"):
            parse(Small, wrong)

    assert min(cpu_s(refused) for _ in range(2)) < MOST_CPU_S


def test_what_people_send_is_read() -> None:
    texts = {"a": "[" * (MAX_HOLDERS + 1), "b": [[]] * (MAX_HOLDERS - 2)}
    assert read_json(HEAD, orjson.dumps(texts)) == texts
    members = {"a": {str(number): 1 for number in range(MAX_MEMBERS)}, "b": ":" * 20_000}
    assert read_json(HEAD, orjson.dumps(members)) == members
    deep: Any = []
    for _ in range(62):
        deep = [deep]
    assert read_json(HEAD, orjson.dumps({"a": deep})) == {"a": deep}
    with pytest.raises(InvalidRequest, match="64 levels"):
        read_json(HEAD, orjson.dumps({"a": [deep]}))


@pytest.mark.parametrize(
    ("text", "held"),
    [
        (rb"\u0000", True),
        (rb"a\\\u0000b", True),
        (rb"\\u0000", False),
        (rb"a\\\\u0000", False),
        (rb"\\\\\u0000", True),
    ],
)
def test_a_nul_is_told_from_a_text_that_spells_one(text: bytes, held: bool) -> None:
    for body in (b'{"a":["' + text + b'"]}', b'{"' + text + b'":1}'):
        assert ("\0" in str(orjson.loads(body)).replace("\\x00", "\0")) is held
        if held:
            with pytest.raises(InvalidRequest, match="U\\+0000"):
                read_json(HEAD, body)
        else:
            read_json(HEAD, body)
