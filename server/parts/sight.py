"""What is seen of calls as they end, and whether new ones are admitted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.beside import beside
from server.health import Readiness
from server.live import Feed
from server.log import CallLog
from server.metrics import Metrics
from server.parts.ground import Ground
from server.span_push import pushing
from server.spans import keeping
from tools.observe import Observers
from tools.records.book import SpanBook


@dataclass(frozen=True, slots=True)
class Sight:
    """``observers`` are told of each call: the log, the metrics, the spans and who listens live."""

    readiness: Readiness
    metrics: Metrics
    feed: Feed
    spans: SpanBook
    observers: Observers


@asynccontextmanager
async def sight_of(ground: Ground, calls: CallLog) -> AsyncIterator[Sight]:
    """What was seen when the block is left is written first."""
    settings, metrics = ground.settings, Metrics()
    kept = keeping(settings, ground.store, ground.sealer, ground.clock, metrics)
    async with pushing(settings, metrics) as pushes, kept as spans:
        feed = Feed(spans.calls_elsewhere, ground.clock)
        observers = Observers(calls, metrics, spans, feed, *pushes)
        async with beside(feed.run()):
            yield Sight(Readiness(), metrics, feed, spans, observers)
