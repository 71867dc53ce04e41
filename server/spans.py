"""The spans of this server: kept beside its calls, and written whole before it stops."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from base.clock import Clock
from base.sealing import Sealer
from base.settings import Settings
from server.beside import beside
from server.metrics import Metrics
from server.version import version
from storage.op import Store
from tools.records.book import SpanBook


class _Lost(Collector):
    """What /metrics tells of a book."""

    def __init__(self, book: SpanBook) -> None:
        self._book = book

    def collect(self) -> Iterator[Metric]:
        told = "Calls whose spans could not be kept."
        yield CounterMetricFamily("batchin_spans_lost", told, value=self._book.lost)


@asynccontextmanager
async def keeping(
    settings: Settings, store: Store, sealer: Sealer, clock: Clock, metrics: Metrics
) -> AsyncIterator[SpanBook]:
    """A book that writes while the block lasts; what is noted at its end is written first."""
    book = SpanBook(store, sealer, clock, settings.span_ttl_s, settings.spans_kept, version())
    metrics.add(_Lost(book))
    try:
        async with beside(book.run()):
            yield book
    finally:
        await book.flush()
