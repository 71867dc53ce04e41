"""Uploads by form: read as they arrive, in pieces of any size; whatever is malformed is refused."""

import random
from collections.abc import AsyncIterator

import pytest

from base.errors import BatchinError, InvalidRequest, RequestTimeout
from server.web.request import Head
from server.web.upload import UploadForm, read_upload
from tests.unit.server.malformed import BOUNDARY, corpus, part

CASES = 500


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]
    yield b""


async def read(body: bytes, size: int = 65_536, kind: bytes | None = None) -> tuple[UploadForm, bytes]:
    taken = bytearray()

    async def sink(data: bytes) -> None:
        taken.extend(data)

    head = Head({b"content-type": kind or b"multipart/form-data; boundary=" + BOUNDARY})
    form = await read_upload(head, pieces(body, size), sink, 5.0)
    return form, bytes(taken)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65_536])
async def test_pieces_of_any_size_give_the_same(size: int) -> None:
    content = b"\r\n--" + BOUNDARY[:-1] + b"\x00\xff\r\n-" * 40
    body = part("purpose", b"batch") + part("file", content, "a.jsonl") + b"--" + BOUNDARY + b"--\r\n"
    form, taken = await read(body, size)
    assert (form.fields, form.filename, taken) == ({"purpose": "batch"}, "a.jsonl", content)


async def test_every_malformed_form_is_a_documented_refusal() -> None:
    """A refusal that names what is wrong, or a form that reads as it was meant; never another error."""
    chance = random.Random(20261124)
    errors: list[BatchinError] = []
    for number in range(CASES):
        kind, body = corpus(chance, number)
        try:
            await read(body, chance.choice((17, 1000, 65_536)), kind)
        except BatchinError as error:
            errors.append(error)
    assert len(errors) > CASES * 0.8
    assert {error.status for error in errors} == {400, 415}
    assert all(error.message and error.resolution for error in errors)


async def test_a_body_that_stands_still_is_given_up() -> None:
    async def still() -> AsyncIterator[bytes]:
        import asyncio

        yield part("purpose", b"batch")
        await asyncio.Event().wait()

    async def sink(_: bytes) -> None:
        raise AssertionError

    head = Head({b"content-type": b"multipart/form-data; boundary=" + BOUNDARY})
    with pytest.raises(RequestTimeout):
        await read_upload(head, still(), sink, 0.05)


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ((part("purpose", b"batch"),), "file"),
        ((part("file", b"text without a filename"),), "file"),
        ((part("other", b"x", "a"),), "other"),
        ((part("file", b"x", "a"), part("file", b"y", "b")), "file"),
        ((part("file", b"x", "a"), part("file", b"y")), "file"),
        ((part("file", b"x", "a"), part("purpose", b"1"), part("purpose", b"2")), "purpose"),
    ],
)
async def test_what_is_missing_or_too_much_is_named(parts: tuple[bytes, ...], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await read(b"".join(parts) + b"--" + BOUNDARY + b"--\r\n")
    assert caught.value.param == param
