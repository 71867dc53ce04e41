"""What counts as a whole PNG file: an engine's picture is paid for."""

import struct
import zlib

import pytest

from runtime.png import png_size
from tests.fake_sglang.media import gray

ANY = r"\w"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY = gray(20, 30, 7)


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def file(head: tuple[int, ...], raw: bytes, *more: bytes) -> bytes:
    """``more`` stands before the rows."""
    packed = zlib.compress(raw)
    halves = chunk(b"IDAT", packed[:5]), chunk(b"IDAT", packed[5:])
    return b"".join((SIGNATURE, chunk(b"IHDR", struct.pack(">IIBBBBB", *head)), *more, *halves, END))


END = chunk(b"IEND")
PALETTE = chunk(b"PLTE", bytes(6))


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (GRAY, (20, 30)),
        (file((3, 2, 8, 6, 0, 0, 0), bytes(2 * 13)), (3, 2)),
        (file((9, 2, 1, 3, 0, 0, 0), bytes(2 * 3), PALETTE), (9, 2)),
        (file((1, 1, 16, 2, 0, 0, 1), bytes(7)), (1, 1)),  # interlaced, one pass has a pixel
        (file((8, 8, 8, 0, 0, 0, 1), bytes(2 + 2 + 3 + 2 * 3 + 2 * 5 + 4 * 5 + 4 * 9)), (8, 8)),
    ],
    ids=["gray", "rgba", "palette", "deep", "interlaced"],
)
def test_whole_files(data: bytes, size: tuple[int, int]) -> None:
    assert png_size(data) == size


@pytest.mark.parametrize("cut", [0, 7, 20, 33, 50, len(GRAY) - 12, len(GRAY) - 1])
def test_a_file_whose_end_is_missing(cut: int) -> None:
    with pytest.raises(ValueError, match=ANY):
        png_size(GRAY[:cut])


def test_a_file_with_one_wrong_byte() -> None:
    for at in range(len(GRAY)):
        with pytest.raises(ValueError, match=ANY):
            png_size(GRAY[:at] + bytes([GRAY[at] ^ 0x40]) + GRAY[at + 1 :])


@pytest.mark.parametrize(
    "data",
    [
        file((20, 30, 8, 0, 0, 0, 0), bytes(30 * 21 - 1)),  # a byte of the last row is missing
        file((20, 30, 8, 0, 0, 0, 0), bytes(30 * 21 + 1)),
        file((20, 30, 8, 3, 0, 0, 0), bytes(30 * 21)),  # no palette
        file((20, 30, 8, 5, 0, 0, 0), bytes(30 * 21)),
        file((20, 30, 4, 2, 0, 0, 0), bytes(30 * 31)),
        file((20, 30, 8, 0, 1, 0, 0), bytes(30 * 21)),
        file((20, 30, 8, 0, 0, 0, 2), bytes(30 * 21)),
        file((0, 30, 8, 0, 0, 0, 0), b""),
        file((2**31, 2**31, 8, 0, 0, 0, 0), b""),
        SIGNATURE + END,
        SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + END,
        SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + chunk(b"IDAT", b"x"),
        b"\xff\xd8\xff",
    ],
)
def test_what_is_no_picture(data: bytes) -> None:
    with pytest.raises(ValueError, match=ANY):
        png_size(data)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = file((10, 10, 8, 0, 0, 0, 0), bytes(200_000_000))
    with pytest.raises(ValueError, match="more rows"):
        png_size(bomb)
