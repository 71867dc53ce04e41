"""Prometheus metrics of the calls and the engines, on a registry of their own."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

from tools.observe import CallReport

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


@dataclass(frozen=True, slots=True)
class _Series:
    """What one call counts in. Looking a series up by its labels costs more than counting."""

    calls: Counter
    input_tokens: Counter
    output_tokens: Counter
    charged: Counter
    first: Histogram
    total: Histogram


class Metrics:
    """Counts reports; ``text`` is the exposition format (version 0.0.4)."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("tool", "rail", "outcome")
        self._calls = Counter(
            "batchin_calls", "Calls by how they ended.", labels, registry=self._registry
        )
        self._tokens = Counter(
            "batchin_tokens",
            "Tokens as the engines reported them.",
            ("tool", "direction"),
            registry=self._registry,
        )
        self._charged = Counter(
            "batchin_charged_nano_usd",
            "Charged amounts in nano-USD.",
            ("rail",),
            registry=self._registry,
        )
        self._first = Histogram(
            "batchin_first_answer_seconds",
            "Until the engine's first answer.",
            ("tool",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._total = Histogram(
            "batchin_call_seconds",
            "Duration of calls.",
            ("tool",),
            buckets=_SECONDS,
            registry=self._registry,
        )

        self._series: dict[tuple[str, str, str], _Series] = {}

    def add(self, collector: Collector) -> None:
        """Collect more at each scrape (engine states, writer queue)."""
        self._registry.register(collector)

    def call_ended(self, report: CallReport) -> None:
        labels = report.tool, report.rail, report.outcome
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = self._series_of(*labels)
        series.calls.inc()
        series.input_tokens.inc(report.usage.input_tokens)
        series.output_tokens.inc(report.usage.output_tokens)
        series.charged.inc(report.charged_nano_usd)
        series.first.observe(report.first_ms / 1000)
        series.total.observe(report.total_ms / 1000)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def _series_of(self, tool: str, rail: str, outcome: str) -> _Series:
        return _Series(
            self._calls.labels(tool, rail, outcome),
            self._tokens.labels(tool, "input"),
            self._tokens.labels(tool, "output"),
            self._charged.labels(rail),
            self._first.labels(tool),
            self._total.labels(tool),
        )
