"""Forms: what browsers and SDKs send is read, everything else is a documented refusal."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import InvalidRequest, UnsupportedMediaType
from base.upload import Upload
from server.web.form import read_form
from server.web.request import Head


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return b"--B\r\n" + head.encode() + value + b"\r\n"


def head(kind: bytes = b"multipart/form-data; boundary=B") -> Head:
    return Head({b"content-type": kind})


async def read(*parts: bytes) -> dict[str, Any]:
    return await read_form(head(), b"".join(parts) + b"--B--\r\n")


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
        await read_form(head(), part("a", b"1"))
    with pytest.raises(InvalidRequest):
        await read_form(head(b"multipart/form-data"), b"")
    with pytest.raises(InvalidRequest):
        await read_form(head(b"multipart/form-data; boundary=" + b"B" * 300), b"")
    for kind in (b"application/json", b"", b"text/plain; boundary=B"):
        with pytest.raises(UnsupportedMediaType):
            await read_form(head(kind), b"{}")


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
        form = await read_form(head(), b"".join(pieces))
    except InvalidRequest:
        return
    assert set(form) <= {"a"}
