"""``python -m benchmarks``: what this checkout does on this machine, as a table."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.instant_engine import MODEL
from benchmarks.load import Tally, closed_loop, open_loop
from benchmarks.subjects import API_KEY, LOAD_CORE, Subject, instant_engine, server

CONNECTIONS = 64
SECONDS = 8.0
WARM_S = 2.0
RATE = 300
CHUNKS = (1, 50)


@dataclass(frozen=True, slots=True)
class Measure:
    """One row: how it is loaded, what one unit of work is, and what was seen."""

    name: str
    load: Callable[[int], Awaitable[Tally]]
    streams: bool


def request(stream: bool) -> bytes:
    body = {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant that answers briefly."},
            {"role": "user", "content": "Explain attention in 3 bullets"},
        ],
        "temperature": 0.7,
        "max_tokens": 128,
        "stream": stream,
    }
    data = orjson.dumps(body)
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {API_KEY}\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def measures() -> list[Measure]:
    plain, stream = request(False), request(True)
    return [
        Measure("JSON, saturated", lambda port: closed_loop(port, plain, CONNECTIONS, SECONDS), False),
        Measure(
            f"JSON, {RATE}/s", lambda port: open_loop(port, plain, RATE, CONNECTIONS, SECONDS), False
        ),
        Measure("SSE, saturated", lambda port: closed_loop(port, stream, CONNECTIONS, SECONDS), True),
        Measure(
            f"SSE, {RATE}/s", lambda port: open_loop(port, stream, RATE, CONNECTIONS, SECONDS), True
        ),
    ]


async def run(measure: Measure, subject: Subject) -> tuple[list[str], float]:
    """One measured row and the memory after it."""
    await closed_loop(subject.port, request(measure.streams), CONNECTIONS, WARM_S)
    before = subject.cpu_s()
    tally = await measure.load(subject.port)
    cpu_us = (subject.cpu_s() - before) * 1e6
    row = [
        f"{tally.done / tally.elapsed_s:,.0f}",
        f"{cpu_us / max(tally.done, 1):,.0f}",
        f"{tally.events / tally.elapsed_s:,.0f}" if measure.streams else "-",
        f"{cpu_us / tally.events:,.1f}" if tally.events else "-",
        _milliseconds(tally, tally.first if measure.streams else tally.latency),
        str(tally.failed),
    ]
    return row, subject.memory_mb()


def _milliseconds(tally: Tally, values: list[float]) -> str:
    return f"{tally.quantile(values, 0.5) * 1e3:.2f} / {tally.quantile(values, 0.99) * 1e3:.2f}"


TITLES = (
    "answer",
    "load",
    "calls/s",
    "CPU us/call",
    "events/s",
    "CPU us/event",
    "p50 / p99 ms",
    "failed",
)


async def main(console: Console) -> None:
    table = Table(title="Through the server, everything on, in front of an instant engine")
    for title in TITLES:
        table.add_column(title, justify="left" if title in ("answer", "load") else "right")
    memory = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for chunks in CHUNKS:
            memory = await fill(table, chunks, Path(folder, f"data{chunks}"), console)
    console.print(table)
    console.print(
        f"{CONNECTIONS} connections; p50 / p99 is the whole answer for JSON, the first event for SSE, "
        f"from the scheduled start. Server on one core, load and engine on another. "
        f"Memory of the server at the end: {memory:.0f} MB."
    )


async def fill(table: Table, chunks: int, data_dir: Path, console: Console) -> float:
    """Measure answers of so many events; returns the server's memory in MB."""
    memory = 0.0
    with instant_engine(chunks) as port:
        async with server(data_dir, port) as subject:
            rows = track(measures(), f"{chunks} events an answer", console=console, transient=True)
            for measure in rows:
                row, memory = await run(measure, subject)
                table.add_row(f"{chunks} events", measure.name, *row)
    return memory


if __name__ == "__main__":
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Console()))
