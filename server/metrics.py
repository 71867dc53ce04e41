"""Prometheus metrics of the calls and the engines, on a registry of their own."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from tools.observe import CallReport

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_BOUNDS: Final = (*map(str, _SECONDS), "+Inf")
_Labels = tuple[str, str, str]


class _Durations:
    """A histogram of seconds: how many fell in each bucket, and their sum."""

    __slots__ = ("_counts", "_sum_s")

    def __init__(self) -> None:
        self._counts = [0] * len(_BOUNDS)
        self._sum_s = 0.0

    def take(self, seconds: float) -> None:
        self._counts[bisect_left(_SECONDS, seconds)] += 1
        self._sum_s += seconds

    def add_to(self, family: HistogramMetricFamily, labels: list[str]) -> None:
        total, buckets = 0, []
        for bound, count in zip(_BOUNDS, self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        family.add_metric(labels, buckets, self._sum_s)


class _Calls(Collector):
    """Counts calls as they end; counting touches a few integers, a scrape adds them up."""

    def __init__(self) -> None:
        self._counts: dict[_Labels, list[int]] = {}
        self._times: dict[str, tuple[_Durations, _Durations]] = {}

    def take(self, report: CallReport) -> None:
        labels = report.tool, report.rail, report.outcome
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0, 0, 0, 0]
            self._times.setdefault(report.tool, (_Durations(), _Durations()))
        usage = report.usage
        counts[0] += 1
        counts[1] += usage.input_tokens
        counts[2] += usage.output_tokens
        counts[3] += report.charged_nano_usd
        first, total = self._times[report.tool]
        first.take(report.first_ms / 1000)
        total.take(report.total_ms / 1000)

    def collect(self) -> Iterator[Metric]:
        calls = CounterMetricFamily(
            "batchin_calls", "Calls by how they ended.", labels=("tool", "rail", "outcome")
        )
        tokens: dict[tuple[str, ...], int] = {}
        charged: dict[tuple[str, ...], int] = {}
        for (tool, rail, outcome), counts in self._counts.items():
            calls.add_metric((tool, rail, outcome), counts[0])
            tokens[tool, "input"] = tokens.get((tool, "input"), 0) + counts[1]
            tokens[tool, "output"] = tokens.get((tool, "output"), 0) + counts[2]
            charged[rail,] = charged.get((rail,), 0) + counts[3]
        yield calls
        yield _summed("tokens", "Tokens as the engines reported them.", ("tool", "direction"), tokens)
        yield _summed("charged_nano_usd", "Charged amounts in nano-USD.", ("rail",), charged)
        first = HistogramMetricFamily(
            "batchin_first_answer_seconds", "Until the engine's first answer.", labels=("tool",)
        )
        total = HistogramMetricFamily("batchin_call_seconds", "Duration of calls.", labels=("tool",))
        for tool, (until_first, in_all) in self._times.items():
            until_first.add_to(first, [tool])
            in_all.add_to(total, [tool])
        yield first
        yield total


class Metrics:
    """Counts reports; ``text`` is the exposition format (version 0.0.4)."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = _Calls()
        self.call_ended = self._calls.take
        self._registry.register(self._calls)

    def add(self, collector: Collector) -> None:
        """Collect more at each scrape (engine states, writer queue)."""
        self._registry.register(collector)

    def text(self) -> bytes:
        return generate_latest(self._registry)


def _summed(
    name: str, told: str, labels: tuple[str, ...], sums: dict[tuple[str, ...], int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"batchin_{name}", told, labels=labels)
    for values, amount in sums.items():
        family.add_metric(values, amount)
    return family
