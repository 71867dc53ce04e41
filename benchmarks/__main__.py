"""``python -m benchmarks``: what this checkout does on this machine, beside what nothing costs.

Each subject is loaded in turn, several times: on a machine that does other things too, medians of turns
can be compared where single runs can't. CPU time counts, not wall time.
"""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.instant_engine import MODEL
from benchmarks.load import Tally, closed_loop, open_loop
from benchmarks.subjects import (
    API_KEY,
    LOAD_CORE,
    Subject,
    bare_memory,
    bare_relay,
    instant_engine,
    server,
)

CONNECTIONS = 64
TURNS = 6
TURN_S = 1.5
WARM_S = 1.5
RATE = 300
RATE_S = 6.0
EVENTS = 50
LEGEND = f"""\
{CONNECTIONS} connections. us/call: CPU time of the subject at saturation, user and system.
of bare: us/call of the bare relay over the subject's. p50, p99: whole answers, or
first events of streams, at {RATE} calls/s, from the scheduled start. The bare
applications and batchin share one core, load and engine another."""


@dataclass(slots=True)
class Seen:
    """What the turns of one subject showed, and its answers at a fixed rate."""

    calls_s: list[float] = field(default_factory=list)
    call_us: list[float] = field(default_factory=list)
    events_s: list[float] = field(default_factory=list)
    failed: int = 0
    paced: Tally = field(default_factory=Tally)


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


async def compare(subjects: Sequence[Subject], load: bytes) -> dict[str, Seen]:
    """Turns at saturation, then one run at a fixed rate, for each subject by its name."""
    seen = {subject.name: Seen() for subject in subjects}
    for subject in subjects:
        await closed_loop(subject.port, load, CONNECTIONS, WARM_S)
    for _ in range(TURNS):
        for subject in subjects:
            await turn(subject, load, seen[subject.name])
    for subject in subjects:
        paced = await open_loop(subject.port, load, RATE, CONNECTIONS, RATE_S)
        seen[subject.name].paced = paced
        seen[subject.name].failed += paced.failed
    return seen


async def turn(subject: Subject, load: bytes, seen: Seen) -> None:
    before_s = subject.cpu_s()
    tally = await closed_loop(subject.port, load, CONNECTIONS, TURN_S)
    seen.call_us.append((subject.cpu_s() - before_s) * 1e6 / max(tally.done, 1))
    seen.calls_s.append(tally.done / tally.elapsed_s)
    seen.events_s.append(tally.events / tally.elapsed_s)
    seen.failed += tally.failed


def table(title: str, seen: dict[str, Seen], streams: bool) -> Table:
    """``of bare`` is the relay's CPU time over the subject's: what is left of the floor."""
    shown = Table(title=title)
    for column in ("subject", "calls/s", "us/call", "of bare", "events/s", "p50 ms", "p99 ms", "bad"):
        shown.add_column(column, justify="left" if column == "subject" else "right", no_wrap=True)
    floor_us = median(seen["bare, relay"].call_us)
    for name, one in seen.items():
        call_us = median(one.call_us)
        times = one.paced.first if streams else one.paced.latency
        shown.add_row(
            name,
            f"{median(one.calls_s):,.0f}",
            f"{call_us:,.0f}",
            f"{floor_us / call_us:.2f}" if call_us else "-",
            f"{median(one.events_s):,.0f}" if streams else "-",
            f"{one.paced.quantile(times, 0.5) * 1e3:.2f}",
            f"{one.paced.quantile(times, 0.99) * 1e3:.2f}",
            str(one.failed),
        )
    return shown


async def start(data_dir: Path, engine: Subject) -> str:
    """A server's first start, which makes its database and keys, and its next one."""
    told = []
    for which in ("first", "next"):
        async with server(data_dir, engine) as subject:
            told.append(f"{which} start {subject.start_s:.2f} s, {subject.memory_mb():.0f} MB")
    return "; ".join(told)


async def main(console: Console) -> None:
    with tempfile.TemporaryDirectory() as folder:
        call_us, memory_mb = await whole(Path(folder, "whole"), console)
        await streamed(Path(folder, "streamed"), call_us, console)
    console.print(f"Memory after the load on whole answers: {memory_mb:.0f} MB.")
    console.print(LEGEND)


async def whole(data_dir: Path, console: Console) -> tuple[float, float]:
    """Answers of one event as JSON; CPU us a call, and MB after all of them."""
    async with AsyncExitStack() as stack:
        engine = stack.enter_context(instant_engine(1))
        console.print(f"Server: {await start(data_dir, engine)}.")
        subject = await stack.enter_async_context(server(data_dir, engine))
        bare = [stack.enter_context(one) for one in (bare_memory(), bare_relay(engine))]
        seen = await compare((engine, *bare, subject), request(stream=False))
        console.print(table("Whole answers (JSON)", seen, streams=False))
        return median(seen[subject.name].call_us), subject.memory_mb()


async def streamed(data_dir: Path, whole_us: float, console: Console) -> None:
    """Answers of many events as a stream."""
    async with AsyncExitStack() as stack:
        engine = stack.enter_context(instant_engine(EVENTS))
        subject = await stack.enter_async_context(server(data_dir, engine))
        bare = stack.enter_context(bare_relay(engine))
        seen = await compare((engine, bare, subject), request(stream=True))
        console.print(table(f"Streams of {EVENTS} events (SSE)", seen, streams=True))
        call_us = median(seen[subject.name].call_us)
        console.print(
            f"batchin: {call_us / EVENTS:.1f} us an event in all, "
            f"{(call_us - whole_us) / (EVENTS - 1):.1f} us for each after the first."
        )


if __name__ == "__main__":
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Console()))
