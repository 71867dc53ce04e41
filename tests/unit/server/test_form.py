"""Forms: what browsers and SDKs send is read, everything else is a documented refusal."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive

from base.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from base.upload import Upload
from server.web.form import read_form
from server.web.request import Disconnected, Head

LIMIT = 1_000_000


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return b"--B\r\n" + head.encode() + value + b"\r\n"


def arriving(body: bytes) -> Receive:
    """A body that comes in pieces of seven bytes."""
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)] or [b""]
    left = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    left[-1]["more_body"] = False

    async def receive() -> Message:
        return left.pop(0) if left else {"type": "http.disconnect"}

    return receive


def head(kind: bytes = b"multipart/form-data; boundary=B") -> Head:
    return Head({b"content-type": kind})


async def read(*parts: bytes) -> dict[str, Any]:
    return await read_form(head(), arriving(b"".join(parts) + b"--B--\r\n"), LIMIT)


async def test_fields_lists_and_the_file() -> None:
    form = await read(
        part("model", b"m"),
        part("times[]", b"word"),
        part("file", b"\r\n--C\x00\xff", "../../etc/passwd"),
        part("times[]", b"segment"),
    )
    assert form == {
        "model": "m",
        "times": ["word", "segment"],
        "file": Upload.of(b"\r\n--C\x00\xff"),
    }


@pytest.mark.parametrize(
    "parts",
    [
        (part("a", b"1"), part("a", b"2")),
        (part("a", b"1"), part("a[]", b"2")),
        (part("a[]", b"1"), part("a", b"2")),
        (part("f", b"1", "x"), part("g", b"2", "y")),
        (part("", b"1"),),
        (part("a", b"\xff"),),
        (part("a", b"\x00"),),
        (part("a", b"x" * 65_537),),
        (part("a" * 129, b"x"),),
        tuple(part(f"a{number}", b"x") for number in range(33)),
        (b"--B\r\nContent-Type: text/plain\r\n\r\nx\r\n",),
        (b"--B\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(9)) + b"\r\nx\r\n",),
        (b"--B\r\nX: " + b"1" * 5000 + b"\r\n\r\nx\r\n",),
    ],
)
async def test_a_form_of_the_wrong_shape_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(InvalidRequest):
        await read(*parts)


async def test_a_form_that_ends_too_early_or_is_none_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        await read_form(head(), arriving(part("a", b"1")), LIMIT)
    with pytest.raises(InvalidRequest):
        await read_form(head(b"multipart/form-data"), arriving(b""), LIMIT)
    with pytest.raises(InvalidRequest):
        await read_form(head(b"multipart/form-data; boundary=" + b"B" * 300), arriving(b""), LIMIT)
    for kind in (b"application/json", b"", b"text/plain; boundary=B"):
        with pytest.raises(UnsupportedMediaType):
            await read_form(head(kind), arriving(b"{}"), LIMIT)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"--B",
                b"--B--",
                b"\r\n",
                b"\n",
                b"--",
                b"a",
                part("a", b"1"),
                b'Content-Disposition: form-data; name="a"',
                b": ",
                b"\x00",
            ]
        ),
        max_size=12,
    )
)
async def test_garbage_is_read_or_refused(pieces: list[bytes]) -> None:
    try:
        form = await read_form(head(), arriving(b"".join(pieces)), LIMIT)
    except InvalidRequest:
        return
    assert set(form) <= {"a"}


async def test_a_file_lies_on_the_disk_as_long_as_it_is_held() -> None:
    form = await read(part("file", b"x" * 70_000, "x"))
    path = form["file"].path
    assert path.read_bytes() == b"x" * 70_000
    del form
    assert not path.exists()


async def test_a_form_that_is_too_large_or_breaks_off_is_no_form() -> None:
    with pytest.raises(PayloadTooLarge):
        await read_form(head(), arriving(part("file", b"x" * 100, "x")), 50)
    broken = [{"type": "http.request", "body": part("a", b"1"), "more_body": True}]

    async def receive() -> Message:
        return broken.pop(0) if broken else {"type": "http.disconnect"}

    with pytest.raises(Disconnected):
        await read_form(head(), receive, LIMIT)
