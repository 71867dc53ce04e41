"""``python -m benchmarks.overload``: five times the load that the engine can carry.

An engine answers at a steady pace and takes so many calls at once. The peak is what clients get out of
it who ask again as soon as they are answered; then calls come at five times that rate, whoever is
answered. Each key may fill half a lane's queue, and one key asks here: its refusals are 429.
"""

import asyncio
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import uvloop

from benchmarks.instant_engine import MODEL
from benchmarks.subjects import API_KEY, LOAD_CORE, paced_engine, server

RUNNING, QUEUED = 16, 16
EVENTS, PACE_S, BYTES = 20, 0.02, 20
SECONDS, WARM_S = 10.0, 2.0
TIMES = 5


@dataclass
class Seen:
    """Answers a second in the time measured, first tokens of them, and statuses of all calls."""

    answered: int = 0
    first_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    without_wait: int = 0

    @property
    def goodput(self) -> float:
        return self.answered / (SECONDS - WARM_S)

    @property
    def p99_ms(self) -> float:
        return sorted(self.first_s)[int(0.99 * len(self.first_s))] * 1e3


async def one(http: httpx2.AsyncClient, number: int, seen: Seen, began_s: float) -> None:
    asked_s = time.monotonic()
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"{number} is my number"}],
        "max_tokens": EVENTS,
        "stream": True,
    }
    first_s, whole = 0.0, False
    async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
        seen.statuses[answer.status_code] += 1
        if answer.status_code != 200:
            seen.without_wait += "retry-after" not in answer.headers
            return
        async for line in answer.aiter_lines():
            if not first_s and '"content":"w' in line:
                first_s = time.monotonic() - asked_s
            whole = whole or line == "data: [DONE]"
    now_s = time.monotonic()
    if whole and began_s + WARM_S <= now_s < began_s + SECONDS:
        seen.answered += 1
        seen.first_s.append(first_s)


async def closed(http: httpx2.AsyncClient) -> Seen:
    """As many clients as the engine has places and half its queue, each with one call at a time."""
    seen, began_s = Seen(), time.monotonic()

    async def client(number: int) -> None:
        while time.monotonic() < began_s + SECONDS:
            await one(http, number, seen, began_s)

    await asyncio.gather(*(client(number) for number in range(RUNNING + QUEUED // 2)))
    return seen


async def opened(http: httpx2.AsyncClient, rate: float) -> Seen:
    """Calls at a rate, from their schedule."""
    seen, began_s = Seen(), time.monotonic()
    async with asyncio.TaskGroup() as calls:
        for number in range(int(rate * SECONDS)):
            await asyncio.sleep(max(0.0, began_s + number / rate - time.monotonic()))
            calls.create_task(one(http, number, seen, began_s))
    return seen


def line(name: str, seen: Seen) -> str:
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(seen.statuses.items()))
    return (
        f"{name:<16} {seen.goodput:6.1f} answers/s, first token p99 {seen.p99_ms:.0f} ms; {statuses}"
        f" ({seen.without_wait} refused without Retry-After)"
    )


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, paced_engine(EVENTS, PACE_S, BYTES) as engine:
        async with server(Path(folder, "data"), engine, RUNNING, QUEUED) as subject:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=256)
            async with httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{subject.port}",
                headers={"authorization": f"Bearer {API_KEY}"},
                limits=limits,
                timeout=60,
                trust_env=False,
            ) as http:
                peak = await closed(http)
                print(line("peak", peak))
                over = await opened(http, TIMES * peak.goodput)
                print(line(f"{TIMES} x the peak", over))
                print(f"goodput: {over.goodput / peak.goodput:.0%} of the peak")


if __name__ == "__main__":
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
