"""``python -m benchmarks``: what this checkout does on this machine, beside what nothing costs.

Each subject is loaded in turn, several times: on a machine that does other things too, medians of turns
can be compared where single runs can't. CPU time counts, not wall time. ``--peers`` adds other gateways,
installed at first use into environments of their own.
"""

import argparse
import asyncio
import os
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

import orjson
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.instant_engine import MODEL
from benchmarks.measure import CONNECTIONS, RATE, Seen, compare, steps
from benchmarks.peers import HOME, PEERS, Peer, installed, serving
from benchmarks.subjects import (
    API_KEY,
    LOAD_CORE,
    bare_memory,
    bare_relay,
    instant_engine,
    server,
)
from benchmarks.verdicts import FLOOR, OURS, Verdict, verdicts

EVENTS = 50
WIDTH = 110
LEGEND = f"""\
{CONNECTIONS} connections. us/call: CPU time of the subject at saturation, user and system.
of bare: us/call of the bare relay over the subject's. p50, p99: whole answers, or first
events of streams, at {RATE} calls/s (or the rate shown), from the scheduled start. MB: after
the load. All subjects share one core, load and engine another."""


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


class Bench:
    """One run of all subjects."""

    def __init__(self, peers: Sequence[Peer], folder: Path, progress: Progress) -> None:
        self._peers = peers
        self._folder = folder
        self._progress = progress
        self._bar = progress.add_task("starts", total=2 * steps(len(peers) + 3) + steps(1))

    async def starts(self) -> tuple[float, float, float]:
        """Seconds of a server's first start, which makes its database and keys, and of its next one; MB
        after that."""
        with instant_engine(1) as engine:
            async with server(self._folder / "starts", engine) as subject:
                first_s = subject.start_s
            async with server(self._folder / "starts", engine) as subject:
                return first_s, subject.start_s, subject.memory_mb()

    async def whole(self) -> dict[str, Seen]:
        """Answers of one event, as JSON."""
        return await self._compare("whole answers", 1, False)

    async def streams(self) -> dict[str, Seen]:
        """Answers of many events, as streams."""
        return await self._compare("streams", EVENTS, True)

    async def _compare(self, what: str, events: int, stream: bool) -> dict[str, Seen]:
        async with AsyncExitStack() as stack:
            engine = stack.enter_context(instant_engine(events))
            subjects = [engine]
            if not stream:
                subjects.append(stack.enter_context(bare_memory()))
            subjects.append(stack.enter_context(bare_relay(engine)))
            folder = self._folder / what.replace(" ", "-")
            subjects.append(await stack.enter_async_context(server(folder, engine)))
            for peer in self._peers:
                self._progress.update(self._bar, description=f"starting {peer.name}")
                subjects.append(
                    await asyncio.to_thread(stack.enter_context, serving(peer, self._folder, engine))
                )
            self._progress.update(self._bar, description=what)
            return await compare(subjects, request(stream), lambda: self._progress.advance(self._bar))


def table(title: str, seen: Mapping[str, Seen], streams: bool) -> Table:
    """``of bare`` is the relay's CPU time over the subject's: what is left of the floor."""
    shown = Table(title=title)
    columns = ("subject", "calls/s", "us/call", "of bare", "events/s", "p50 ms", "p99 ms", "MB", "bad")
    for column in columns:
        shown.add_column(column, justify="left" if column == "subject" else "right", no_wrap=True)
    for name, one in seen.items():
        rate = "" if one.rate == RATE else f" at {one.rate}/s"
        shown.add_row(
            name,
            f"{median(one.calls_s):,.0f}",
            f"{one.us:,.0f}",
            f"{seen[FLOOR].us / one.us:.2f}" if one.us else "-",
            f"{median(one.events_s):,.0f}" if streams else "-",
            f"{one.ms(streams, 0.5):.2f}{rate}",
            f"{one.ms(streams, 0.99):.2f}",
            f"{one.memory_mb:.0f}",
            str(one.failed),
        )
    return shown


def verdict_table(found: Sequence[Verdict]) -> Table:
    shown = Table("aim", "at least / at most", "seen", "", title="What was to be reached")
    for one in found:
        shown.add_row(one.work, one.aim, one.seen, "reached" if one.reached else "NOT REACHED")
    return shown


def build() -> str:
    """The interpreter, and whether it was built for speed."""
    options = str(sysconfig.get_config_var("CONFIG_ARGS"))
    tuned = "" if "--enable-optimizations" in options else ", built without its optimizations"
    return f"Python {sys.version.split()[0]}{tuned}"


async def main(console: Console, peers: Sequence[Peer]) -> None:
    for peer in peers:
        with console.status(f"{peer.name}: {peer.package}"):
            installed(peer)
    with tempfile.TemporaryDirectory() as folder, Progress(console=console) as progress:
        bench = Bench(peers, Path(folder), progress)
        first_s, next_s, memory_mb = await bench.starts()
        whole, streams = await bench.whole(), await bench.streams()
    console.print(
        f"{build()}. First start {first_s:.2f} s; next start {next_s:.2f} s, {memory_mb:.0f} MB."
    )
    console.print(table("Whole answers (JSON)", whole, streams=False))
    console.print(table(f"Streams of {EVENTS} events (SSE)", streams, streams=True))
    each_us = (streams[OURS].us - whole[OURS].us) / (EVENTS - 1)
    console.print(f"{OURS}: {each_us:.1f} us for each event of a stream after the first.")
    found = list(verdicts(whole, streams, next_s, memory_mb))
    console.print(verdict_table(found))
    console.print(LEGEND)
    console.print(f"Saved: {save(whole, streams, found)}")


def save(whole: Mapping[str, Seen], streams: Mapping[str, Seen], found: Sequence[Verdict]) -> Path:
    HOME.mkdir(parents=True, exist_ok=True)
    path = HOME / time.strftime("result-%Y%m%d-%H%M%S.json")
    result = {
        "build": build(),
        "whole": {name: one.figures(False) for name, one in whole.items()},
        "streams": {name: one.figures(True) for name, one in streams.items()},
        "verdicts": found,
    }
    path.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    return path


def chosen(names: str) -> list[Peer]:
    """The peers of a list of names, or ``all``."""
    wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
    return [peer for peer in PEERS if "all" in wanted or peer.name.lower() in wanted]


if __name__ == "__main__":
    known = ", ".join(peer.name.lower() for peer in PEERS)
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    asked.add_argument("--peers", default="", help=f"other gateways, with commas: {known}, or all")
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            main(Console(width=None if sys.stdout.isatty() else WIDTH), chosen(asked.parse_args().peers))
        )
