"""Sizes of pictures by their heads; what is cut, foreign or a lie has none."""

import struct

import pytest

from base.errors import InvalidRequest
from tests.fake_sglang.media import gray
from tools.look import MOST_SIDE, check_picture
from tools.picture_size import picture_size

JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xdb\x00\x04\x00\x00\xff\xff\xc2\x00\x11\x08\x01\x40\x02\x80\x03"
)
LOSSY = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 320)
LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 639 | 319 << 14)
EXTENDED = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + b"\x7f\x02\x00\x3f\x01\x00"


@pytest.mark.parametrize("data", [gray(640, 320, 0), JPEG, LOSSY, LOSSLESS, EXTENDED])
def test_the_size_of_each_kind(data: bytes) -> None:
    assert picture_size(data) == (640, 320)


@pytest.mark.parametrize(
    "data", [gray(640, 320, 0)[:20], JPEG[:30], LOSSY[:27], LOSSLESS[:22], EXTENDED[:28]]
)
def test_what_is_cut_has_none(data: bytes) -> None:
    assert picture_size(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a" + bytes(64),
        b"<svg/>",
        b"\xff\xd8" + b"\xff" * 65_536,
        b"\xff\xd8" + b"\xff\x01" * 65_536,
        b"\xff\xd8\xff\xe0\x00\x00" * 100,
        b"RIFF\0\0\0\0WEBPXXXX" + bytes(64),
    ],
)
def test_what_is_none_of_them_has_none(data: bytes) -> None:
    assert picture_size(data) is None
    with pytest.raises(InvalidRequest, match="neither PNG, JPEG nor WebP"):
        check_picture(data, len(data), "image")


def test_a_bomb_is_refused_by_its_head() -> None:
    check_picture(gray(MOST_SIDE, 1, 0), 1, "image")
    bomb = bytearray(gray(8, 8, 0))
    bomb[16:24] = struct.pack(">II", 100_000, 100_000)
    with pytest.raises(InvalidRequest, match="100000x100000") as refused:
        check_picture(bytes(bomb), len(bomb), "image")
    assert refused.value.param == "image"
    empty = bytearray(gray(8, 8, 0))
    empty[16:24] = bytes(8)
    with pytest.raises(InvalidRequest):
        check_picture(bytes(empty), len(empty), "image")
