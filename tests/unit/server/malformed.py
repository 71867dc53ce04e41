"""Multipart bodies that are wrong in one of many ways, from a seed."""

import random
from typing import Final

BOUNDARY: Final = b"----batchin-boundary"
_END: Final = b"--" + BOUNDARY + b"--\r\n"
_KIND: Final = b"multipart/form-data; boundary=" + BOUNDARY


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return b"--" + BOUNDARY + b"\r\n" + head.encode() + value + b"\r\n"


def corpus(chance: random.Random, number: int) -> tuple[bytes, bytes]:
    """Content-Type and body of one case."""
    whole = part("purpose", b"batch") + part("file", chance.randbytes(200), "a.jsonl")
    ways = (
        lambda: (_KIND, whole),  # no end
        lambda: (_KIND, (whole + _END)[: chance.randrange(len(whole))]),
        lambda: (_KIND, _end_changed(chance, whole)),
        lambda: (_KIND, _byte_changed(chance, whole) + _END),
        lambda: (_KIND, chance.randbytes(chance.randrange(1, 2000))),
        lambda: (_KIND, b""),
        lambda: (_KIND, whole.replace(b"\r\n", b"\n") + _END),
        lambda: (_KIND, whole.replace(b"form-data", b"attachment") + _END),
        lambda: (_KIND, whole.replace(b'name="file"', b'nome="file"') + _END),
        lambda: (_KIND, part("file", b"x", "a") * 2 + _END),
        lambda: (_KIND, part("file", b"x", "a" * 2000) + _END),
        lambda: (_KIND, part("n" * chance.randrange(129, 4000), b"x") + _END),
        lambda: (_KIND, part("purpose", b"x" * chance.randrange(65_537, 90_000)) + _END),
        lambda: (_KIND, part("purpose", b"\xff\xfe") + part("file", b"x", "a") + _END),
        lambda: (_KIND, b"".join(part(f"f{n}", b"") for n in range(40)) + _END),
        lambda: (_KIND, _headers(chance.randrange(9, 60)) + _END),
        lambda: (_KIND, _headers(1, chance.randrange(4097, 20_000)) + _END),
        lambda: (_KIND, b"--" + BOUNDARY + b"\r\nContent-Disposition\r\n\r\nx\r\n" + _END),
        lambda: (_KIND, b"--" + BOUNDARY + b"\r\n: form-data\r\n\r\nx\r\n" + _END),
        lambda: (_KIND, b"\0" * chance.randrange(1, 5000) + whole + _END),
        lambda: (b"multipart/form-data", whole + _END),
        lambda: (b"multipart/form-data; boundary=", whole + _END),
        lambda: (b"multipart/form-data; boundary=" + b"B" * 71, whole + _END),
        lambda: (b"multipart/mixed; boundary=" + BOUNDARY, whole + _END),
        lambda: (b"application/json", b"{}"),
        lambda: (chance.randbytes(20).replace(b"\n", b""), whole + _END),
        lambda: (_KIND, b"--" + BOUNDARY * 2 + b"\r\n" + whole + _END),
        lambda: (_KIND, (b"--" + BOUNDARY + b"\r\n") * chance.randrange(2, 200)),
    )
    return ways[number % len(ways)]()


def _end_changed(chance: random.Random, whole: bytes) -> bytes:
    return whole + chance.choice((b"--" + BOUNDARY, b"--" + BOUNDARY + b"-", b"--x--\r\n", b"\r\n"))


def _byte_changed(chance: random.Random, whole: bytes) -> bytes:
    at = chance.randrange(whole.index(b"batch"))
    return whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :]


def _headers(count: int, size: int = 1) -> bytes:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"1" * size) for number in range(count))
    return b"--" + BOUNDARY + b"\r\n" + lines + b"\r\nx\r\n"
