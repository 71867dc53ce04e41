"""Server-sent events come out the same however the network cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.http import sse
from runtime.http.sse import EventTooLarge, SseParser

STREAM = (
    b": hello\n\n"
    b'data: {"a":1}\n\n'
    b"event: x\nid: 7\ndata: two\ndata: lines\n\n"
    b"data:no space\n\n"
    b"data\n\n"
    b"retry: 5\n\n"
    b"\n\n\n"
    b"data: snow \xe2\x98\x83\n\n"
    b"data: [DONE]\n\n"
    b"data: unfinished"
)
PAYLOADS = [b'{"a":1}', b"two\nlines", b"no space", b"", b"snow \xe2\x98\x83", b"[DONE]"]


def parsed(stream: bytes, cuts: list[int]) -> list[bytes]:
    parser = SseParser()
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    payloads = []
    for start, end in pairwise(edges):
        payloads += parser.feed(stream[start:end])
    return payloads + parser.end()


@given(cuts=st.lists(st.integers(0, 10_000), max_size=40), ending=st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_cut_and_any_line_end_give_the_same_payloads(cuts: list[int], ending: str) -> None:
    assert parsed(STREAM.replace(b"\n", ending.encode()), cuts) == PAYLOADS


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_byte_by_byte(ending: bytes) -> None:
    stream = STREAM.replace(b"\n", ending)
    assert parsed(stream, list(range(len(stream)))) == PAYLOADS


def test_a_payload_is_there_as_soon_as_its_event_ends() -> None:
    parser = SseParser()
    assert parser.feed(b"data: a\n") == []
    assert parser.feed(b"\ndata: b\r\n\r\ndata: c") == [b"a", b"b"]
    assert parser.feed(b"\n\n") == [b"c"]


def test_a_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert SseParser().feed(b"\xef\xbb\xbfdata: a\n\n") == [b"a"]


def test_an_event_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "EVENT_MAX", 1000)
    with pytest.raises(EventTooLarge):
        feed_often(b"data: x\n" * 4)
    with pytest.raises(EventTooLarge):
        feed_often(b"x" * 32)


def feed_often(data: bytes) -> None:
    parser = SseParser()
    for _ in range(100):
        parser.feed(data)


@given(data=st.lists(st.binary(max_size=30), max_size=20))
def test_any_bytes_are_survived(data: list[bytes]) -> None:
    parser = SseParser()
    for part in data:
        parser.feed(part)
    parser.end()
