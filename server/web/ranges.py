"""One byte range of a representation (RFC 9110 section 14)."""

import re
from dataclasses import dataclass
from typing import Final

from base.errors import RangeNotSatisfiable

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes ``start`` up to ``end`` (exclusive) of ``size``; ``partial`` when a range was asked for."""

    start: int
    end: int
    size: int
    partial: bool

    def headers(self) -> dict[str, str]:
        found = {"accept-ranges": "bytes", "content-length": str(self.end - self.start)}
        if self.partial:
            found["content-range"] = f"bytes {self.start}-{self.end - 1}/{self.size}"
        return found


def span_of(header: str | None, size: int) -> Span:
    """What to send. A header of another unit or with several ranges is passed over: all is sent.

    Raises RangeNotSatisfiable.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.group(1) == found.group(2) == "":
        return Span(0, size, size, partial=False)
    first, last = found.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    if last and first and int(last) < int(first):
        return Span(0, size, size, partial=False)
    if start >= size or start >= end:
        raise RangeNotSatisfiable(
            f"The file has {size} bytes.", headers={"Content-Range": f"bytes */{size}"}
        )
    return Span(start, end, size, partial=True)
