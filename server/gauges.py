"""What /metrics tells beside the calls: engines, the store, holds, payments, the log."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Executable, func, select

from base.clock import Clock
from runtime.engine import EngineHealth, EngineState
from settlement.evidence.tables import CHECKPOINT, LOG_QUEUE
from settlement.ledger.tables import HOLD
from settlement.x402.payment import FINAL, State
from settlement.x402.reconciliation import Reconciliation
from settlement.x402.tables import PAYMENT
from storage.sqlite import SqliteStore

_OPEN = tuple(state.value for state in State if state not in FINAL)


@dataclass(frozen=True, slots=True)
class BooksSeen:
    """What one look into the database found; ages in seconds, 0 where nothing waits."""

    holds: int = 0
    held_nano_usd: int = 0
    unsettled: int = 0
    unsettled_age_s: float = 0.0
    log_waiting: int = 0
    checkpoint_age_s: float = 0.0


class Gauges(Collector):
    """Call ``sample`` before each scrape: it reads the database, which ``collect`` can't."""

    def __init__(
        self,
        engines: Callable[[], list[EngineHealth]],
        store: SqliteStore,
        clock: Clock,
        reconciliation: Reconciliation | None = None,
    ) -> None:
        self._reconciliation = reconciliation
        self._engines = engines
        self._store = store
        self._clock = clock
        self._books = BooksSeen()

    async def sample(self) -> BooksSeen:
        """Look into the database. Raises StorageUnavailable."""
        holds = await self._row(select(func.count(), func.coalesce(func.sum(HOLD.c.amount), 0)))
        waiting = select(func.count(), func.min(PAYMENT.c.created_at_ms)).where(
            PAYMENT.c.state.in_(_OPEN)
        )
        unsettled = await self._row(waiting)
        queued = await self._row(select(func.count()).select_from(LOG_QUEUE))
        checkpoint = await self._row(select(func.max(CHECKPOINT.c.at_ms)))
        self._books = BooksSeen(
            holds=holds[0],
            held_nano_usd=holds[1],
            unsettled=unsettled[0],
            unsettled_age_s=self._age_s(unsettled[1]),
            log_waiting=queued[0],
            checkpoint_age_s=self._age_s(checkpoint[0]) if queued[0] else 0.0,
        )
        return self._books

    def collect(self) -> Iterable[Metric]:
        yield from self._of_engines()
        yield from self._of_store()
        books = self._books
        yield _gauge("holds", "Open holds.", books.holds)
        yield _gauge("held_nano_usd", "Money in open holds.", books.held_nano_usd)
        yield _gauge("payments_unsettled", "x402 payments that are not at their end.", books.unsettled)
        yield _gauge("settlement_lag_seconds", "Age of the oldest of them.", books.unsettled_age_s)
        if self._reconciliation is not None:
            found = len(self._reconciliation.differences)
            yield _gauge("books_differences", "What does not fit in the books; 0 is right.", found)
            yield self._of_gas(self._reconciliation)
        yield _gauge("log_waiting", "Records without a place in the log.", books.log_waiting)
        lag = "Age of the last checkpoint while records wait for one."
        yield _gauge("checkpoint_lag_seconds", lag, books.checkpoint_age_s)

    def _of_gas(self, reconciliation: Reconciliation) -> Metric:
        told = "What the wallet that pays for settling has, in wei."
        family = GaugeMetricFamily("batchin_gas_float_wei", told, labels=["network"])
        for network, wallet in reconciliation.gas_wallets.items():
            if wallet.float_wei is not None:
                family.add_metric([network], wallet.float_wei)
        return family

    def _of_engines(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("batchin_engine_up", "1 while the engine serves.", labels=["engine"])
        restarts = CounterMetricFamily("batchin_engine_restarts", "Restarts.", labels=["engine"])
        running = GaugeMetricFamily("batchin_engine_running", "Calls that run.", labels=["engine"])
        queued = GaugeMetricFamily("batchin_engine_queued", "Calls that wait.", labels=["engine"])
        faults = CounterMetricFamily("batchin_engine_faults", "Calls it failed.", labels=["engine"])
        for engine in self._engines():
            up.add_metric([engine.id], engine.state is EngineState.READY)
            restarts.add_metric([engine.id], engine.restarts)
            running.add_metric([engine.id], engine.detail["running"])
            queued.add_metric([engine.id], engine.detail["queued"])
            faults.add_metric([engine.id], engine.detail["faults"])
        yield from (up, restarts, running, queued, faults)

    def _of_store(self) -> Iterator[Metric]:
        stats = self._store.stats()
        queued = stats.waiting + stats.open + stats.in_flight
        yield _gauge("store_queue", "Commits that are not durable yet.", queued)
        yield _counter("store_commits", "Commits made durable.", stats.commits)
        yield _counter("store_flushes", "Transactions they were grouped in.", stats.flushes)
        yield _counter("store_failures", "Commits or transactions that failed.", stats.failures)

    async def _row(self, query: Executable) -> list[Any]:
        return list((await self._store.read(query))[0].values())

    def _age_s(self, at_ms: int | None) -> float:
        return 0.0 if at_ms is None else max(0.0, (self._clock.now_ms() - at_ms) / 1000)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"batchin_{name}", meaning, value=value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"batchin_{name}", meaning, value=value)
