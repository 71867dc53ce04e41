"""Server-sent events (WHATWG HTML, 9.2): the raw ``data`` payloads of a stream, however it is cut."""

from typing import Final

EVENT_MAX: Final = 1_048_576
_BOM: Final = b"\xef\xbb\xbf"


class EventTooLarge(Exception):
    """An event grew past EVENT_MAX bytes without an end."""


class SseParser:
    """Feed it the body as it comes; comments, ``event``, ``id`` and ``retry`` lines are skipped."""

    __slots__ = ("_first", "_held", "_held_bytes")

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._first = True

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads of the events that ``data`` completes."""
        if b"\n" not in data and b"\r" not in data and not self._ends_with_cr():
            self._hold(data)
            return []
        if self._held:
            self._held.append(data)
            data = b"".join(self._held)
            self._held.clear()
            self._held_bytes = 0
        if b"\r" in data:
            data = self._with_line_feeds(data)
        *blocks, rest = data.split(b"\n\n")
        if rest:
            self._hold(rest)
        return self._payloads(blocks) if blocks else []

    def end(self) -> list[bytes]:
        """The payload that a final carriage return completes; an unfinished event is dropped."""
        return self.feed(b"\n") if self._ends_with_cr() else []

    def _ends_with_cr(self) -> bool:
        return bool(self._held) and self._held[-1].endswith(b"\r")

    def _hold(self, data: bytes) -> None:
        """Keep the start of an event, before a carriage return that is held already."""
        self._held.insert(len(self._held) - self._ends_with_cr(), data)
        self._held_bytes += len(data)
        if self._held_bytes > EVENT_MAX:
            raise EventTooLarge(f"an event has over {EVENT_MAX} bytes")

    def _with_line_feeds(self, data: bytes) -> bytes:
        """Normalised line ends; a carriage return at the very end waits for what follows it."""
        if data.endswith(b"\r"):
            data = data[:-1]
            self._held.append(b"\r")
            self._held_bytes += 1
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _payloads(self, blocks: list[bytes]) -> list[bytes]:
        payloads = []
        if self._first:
            blocks[0] = blocks[0].removeprefix(_BOM)
            self._first = False
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block:
                payloads.append(block[6:])
            elif (payload := _payload(block)) is not None:
                payloads.append(payload)
        return payloads


def _payload(block: bytes) -> bytes | None:
    lines = [
        line[5:].removeprefix(b" ") if line != b"data" else b""
        for line in block.split(b"\n")
        if line.startswith(b"data:") or line == b"data"
    ]
    return b"\n".join(lines) if lines else None
