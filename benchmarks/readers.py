"""``python -m benchmarks.readers``: what readers who stall, and readers who leave, cost the others.

First tokens of 50 good readers with and without 200 that take nothing, by turns; then how long after
a reader left its engine noticed.
"""

import asyncio
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable
from contextlib import ExitStack
from pathlib import Path

import httpx2
import orjson
import uvloop

from benchmarks.instant_engine import MODEL
from benchmarks.load import Tally
from benchmarks.subjects import API_KEY, LOAD_CORE, Subject, paced_engine, server

GOOD, STALLED = 50, 200
SECONDS, ROUNDS = 8.0, 5
SETTLE_S = 3.0
LISTENS_S = 1.0  # how long a good reader listens before it asks again
LEAVERS = 40
EVENTS, PACE_S, BYTES = 1_000, 0.1, 4_000


def request() -> bytes:
    body = orjson.dumps(
        {
            "model": MODEL,
            "messages": [{"role": "user", "content": "Explain attention in 3 bullets"}],
            "max_tokens": EVENTS,
            "stream": True,
        }
    )
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {API_KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def good_reader(port: int, tally: Tally, until_s: float, offset_s: float) -> None:
    """Asks, hears the first token, listens a while, leaves, asks again; no two at the same instant."""
    await asyncio.sleep(offset_s)
    while time.monotonic() < until_s:
        asked_s = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request())
        if not await _hear(reader, b"data: {"):
            tally.failed += 1
            continue
        tally.relay.append(time.monotonic() - asked_s)
        await _hear(reader, b'"content":"w')
        tally.first.append(time.monotonic() - asked_s)
        tally.done += 1
        while time.monotonic() < asked_s + LISTENS_S:
            await reader.read(65_536)
        writer.transport.abort()


async def _hear(reader: asyncio.StreamReader, sign: bytes) -> bool:
    """Read until a line holds the sign; whether it came."""
    while line := await reader.readline():
        if sign in line:
            return True
    return False


def stalled_reader(port: int, stack: ExitStack) -> None:
    """Asks, and takes nothing: its buffers are as small as the system lets them be."""
    sock = stack.enter_context(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    sock.connect(("127.0.0.1", port))
    sock.sendall(request())


async def good_readers(port: int) -> Tally:
    tally = Tally()
    until_s = time.monotonic() + SECONDS
    offsets = (number * LISTENS_S / GOOD for number in range(GOOD))
    await asyncio.gather(*(good_reader(port, tally, until_s, offset) for offset in offsets))
    return tally


async def beside_stalled(port: int) -> Tally:
    with ExitStack() as stack:
        for _ in range(STALLED):
            stalled_reader(port, stack)
            await asyncio.sleep(0.011)  # not all at the same beat
        return await good_readers(port)


async def leave(port: int, engine: int) -> list[float]:
    """Milliseconds from leaving to the engine's end of the stream, one reader after the other."""
    took = []
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{engine}", trust_env=False) as http:
        for number in range(LEAVERS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request())
            await _hear(reader, b'"content":"w')
            await asyncio.sleep(0.013 * (number % 7))
            before = len((await http.get("/cut")).json())
            left_ns = time.monotonic_ns()
            writer.transport.abort()
            while len(cuts := (await http.get("/cut")).json()) == before:
                pass
            took.append((cuts[-1] - left_ns) / 1e6)
    return took


def line(name: str, tally: Tally) -> str:
    told = f"{name:<28} {tally.done:>4} answers, {tally.failed} failed;"
    for what, values in (("first event", tally.relay), ("first token", tally.first)):
        p50, p99 = (tally.quantile(values, q) * 1e3 for q in (0.5, 0.99))
        told += f" {what} p50 {p50:.1f} p99 {p99:.1f} ms;"
    return told


async def _with_cpu(subject: Subject, load: Awaitable[Tally]) -> tuple[Tally, float]:
    """What a load saw, and the share of a core that the server used for it."""
    began_s, before_s = time.monotonic(), subject.cpu_s()
    tally = await load
    return tally, (subject.cpu_s() - before_s) / (time.monotonic() - began_s)


async def measure(subject: Subject, engine: int) -> None:
    ratios = []
    for _ in range(ROUNDS):
        alone, cpu_alone = await _with_cpu(subject, good_readers(subject.port))
        beside, cpu_beside = await _with_cpu(subject, beside_stalled(subject.port))
        print(line(f"{GOOD} good readers", alone), f"CPU {cpu_alone:.0%}")
        print(line(f"{GOOD} good beside {STALLED} stalled", beside), f"CPU {cpu_beside:.0%}")
        await asyncio.sleep(SETTLE_S)
        ratios.append(beside.quantile(beside.first, 0.99) / alone.quantile(alone.first, 0.99))
    print(f"memory of the server: {subject.memory_mb():.0f} MB")
    each = " ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"p99 ratio: {statistics.median(ratios):.2f} (median of {each})")
    took = sorted(await leave(subject.port, engine))
    print(
        f"{LEAVERS} readers who left: their engine noticed after p50 {statistics.median(took):.1f}, "
        f"worst {took[-1]:.1f} ms"
    )


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, paced_engine(EVENTS, PACE_S, BYTES) as engine:
        async with server(Path(folder, "data"), engine) as subject:
            await measure(subject, engine.port)


if __name__ == "__main__":
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
