"""Loads several subjects in turn and keeps what was seen of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.load import Tally, closed_loop, open_loop
from benchmarks.subjects import Subject

CONNECTIONS = 64
TURNS = 6
TURN_S = 1.5
WARM_S = 1.5
RATE = 300
RATE_S = 6.0


@dataclass(slots=True)
class Seen:
    """What the turns of one subject showed, and its answers at ``rate`` calls a second."""

    rate: int = RATE
    calls_s: list[float] = field(default_factory=list)
    call_us: list[float] = field(default_factory=list)
    events_s: list[float] = field(default_factory=list)
    failed: int = 0
    paced: Tally = field(default_factory=Tally)
    memory_mb: float = 0.0
    start_s: float = 0.0

    @property
    def us(self) -> float:
        """CPU time of a call, in microseconds."""
        return median(self.call_us)

    def ms(self, streams: bool, share: float) -> float:
        """A quantile of the latencies: of whole answers, or of first events."""
        return self.paced.quantile(self.paced.first if streams else self.paced.latency, share) * 1e3

    def figures(self, streams: bool) -> dict[str, Any]:
        return {
            "calls_s": round(median(self.calls_s)),
            "cpu_us_per_call": round(self.us, 1),
            "events_s": round(median(self.events_s)) if streams else None,
            "rate": self.rate,
            "p50_ms": round(self.ms(streams, 0.5), 2),
            "p99_ms": round(self.ms(streams, 0.99), 2),
            "memory_mb": round(self.memory_mb),
            "start_s": round(self.start_s, 2),
            "failed": self.failed,
        }


async def compare(subjects: Sequence[Subject], load: bytes, step: Callable[[], None]) -> dict[str, Seen]:
    """Turns at saturation, then one run at a fixed rate, for each subject by its name; one slower than
    that gets a quarter of what it carries. ``step`` is called ``steps(subjects)`` times."""
    seen = {subject.name: Seen(start_s=subject.start_s) for subject in subjects}
    for subject in subjects:
        await closed_loop(subject.port, load, CONNECTIONS, WARM_S)
        step()
    for _ in range(TURNS):
        for subject in subjects:
            await turn(subject, load, seen[subject.name])
            step()
    for subject in subjects:
        one = seen[subject.name]
        one.rate = max(1, min(RATE, int(median(one.calls_s) / 4)))
        one.paced = await open_loop(subject.port, load, one.rate, CONNECTIONS, RATE_S)
        one.failed += one.paced.failed
        one.memory_mb = subject.memory_mb()
        step()
    return seen


def steps(subjects: int) -> int:
    return subjects * (TURNS + 2)


async def turn(subject: Subject, load: bytes, seen: Seen) -> None:
    before_s = subject.cpu_s()
    tally = await closed_loop(subject.port, load, CONNECTIONS, TURN_S)
    seen.call_us.append((subject.cpu_s() - before_s) * 1e6 / max(tally.done, 1))
    seen.calls_s.append(tally.done / tally.elapsed_s)
    seen.events_s.append(tally.events / tally.elapsed_s)
    seen.failed += tally.failed
