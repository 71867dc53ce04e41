"""A load client: closed loop on N connections, or open loop at a rate, over raw sockets.

Latency in an open loop counts from the scheduled start, so that a stall is not hidden by the requests
that it kept from starting.
"""

import asyncio
import re
import time
from dataclasses import dataclass, field

_STAMP = re.compile(rb" t=(\d+);")


@dataclass
class Tally:
    """What one run saw. Times in seconds; ``relay`` is from the engine's write to the client's read."""

    done: int = 0
    failed: int = 0
    events: int = 0
    latency: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    relay: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0

    def quantile(self, values: list[float], q: float) -> float:
        ordered = sorted(values)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")


class Connection(asyncio.Protocol):
    """Sends a request, resolves when its answer is whole (content-length or chunked)."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._whole: asyncio.Future[float] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # a protocol of stream sockets is given no other kind
        self._transport = transport

    async def ask(self, request: bytes, scheduled_s: float) -> None:
        self._buffer = b""
        self._start = scheduled_s
        self._first_seen = False
        self._whole = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        ended = await self._whole
        self._tally.latency.append(ended - scheduled_s)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self._first_seen and b"data: " in data:
            self._first_seen = True
            self._tally.first.append(now - self._start)
        stamps = _STAMP.findall(data)
        if stamps:
            self._tally.events += len(stamps)
            self._tally.relay.append(now - int(stamps[0]) / 1e9)
        self._buffer = self._buffer + data if len(self._buffer) < 65_536 else self._buffer[-1024:] + data
        if _is_whole(self._buffer) and self._whole is not None and not self._whole.done():
            good = self._buffer.startswith(b"HTTP/1.1 200") or self._first_seen
            self._tally.done += good
            self._tally.failed += not good
            self._whole.set_result(now)

    def close(self) -> None:
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._whole is not None and not self._whole.done():
            self._tally.failed += 1
            self._whole.set_result(time.monotonic())


def _is_whole(buffer: bytes) -> bool:
    if buffer.endswith(b"0\r\n\r\n"):
        return True
    head, separator, body = buffer.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False


async def closed_loop(port: int, request: bytes, connections: int, seconds: float) -> Tally:
    """As many requests as the connections carry."""
    tally = Tally()
    started = time.monotonic()

    async def work() -> None:
        connection = await _connect(port, tally)
        while time.monotonic() - started < seconds:
            await connection.ask(request, time.monotonic())
        connection.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    tally.elapsed_s = time.monotonic() - started
    return tally


async def open_loop(port: int, request: bytes, rate: float, connections: int, seconds: float) -> Tally:
    """``rate`` requests a second, whatever becomes of them."""
    tally = Tally()
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await _connect(port, tally))
    started = time.monotonic()

    async def one(scheduled: float) -> None:
        connection = await free.get()
        await connection.ask(request, scheduled)
        free.put_nowait(connection)

    async with asyncio.TaskGroup() as group:
        for count in range(int(rate * seconds)):
            scheduled = started + count / rate
            await asyncio.sleep(max(0.0, scheduled - time.monotonic()))
            group.create_task(one(scheduled))
    tally.elapsed_s = time.monotonic() - started
    while not free.empty():
        free.get_nowait().close()
    return tally


async def _connect(port: int, tally: Tally) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(tally), "127.0.0.1", port)
    return connection
