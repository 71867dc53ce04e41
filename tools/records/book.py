"""Keeps spans: those of calls in batches and off their way, those that are sent at once; all expire."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select

from base.clock import Clock
from base.sealing import Sealer
from storage.errors import StorageUnavailable
from storage.op import Key, Op, Row, Rows, Store
from tools.observe import CallReport
from tools.records import calls
from tools.records.span import Span
from tools.records.tables import SPAN

MOST_READ: Final = 1000
_MOST_WAITING: Final = 20_000
_AT_ONCE: Final = 256
_PAUSE_S: Final = 0.5
_log: Final = logging.getLogger("batchin.spans")


class SpanBook:
    """The spans of all accounts; nobody reads another's. An Observer of calls: what it notes is written
    half a second later, at the next reading, or when the server stops. ``lost`` counts the calls whose
    spans could not be kept, for the store failed or too many waited."""

    def __init__(self, store: Store, sealer: Sealer, clock: Clock, ttl_s: int) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._ttl_ms = ttl_s * 1000
        self._waiting: list[CallReport] = []
        self._writing = asyncio.Lock()
        self._noted = asyncio.Event()
        self._place = 0
        self.lost = 0

    def call_ended(self, report: CallReport) -> None:
        """Note a call that is paid for."""
        if report.course is None or not self._ttl_ms:
            return
        if len(self._waiting) >= _MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(report)
        self._noted.set()

    async def run(self) -> None:
        """Write what is noted, until cancelled."""
        while True:
            await self._noted.wait()
            await asyncio.sleep(_PAUSE_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what is noted now; what the store can't take is lost, and counted."""
        async with self._writing:
            self._noted.clear()
            while self._waiting:
                reports, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
                rows = [self._row(report) for report in reports]
                try:
                    await self._store.commit(_added(rows))
                except StorageUnavailable:
                    self.lost += len(rows)
                    _log.error("the spans of %d calls could not be kept", len(rows))

    async def of_trace(self, account_id: str, trace_id: str) -> Sequence[Span]:
        """The account's spans of one trace, the oldest rows first: at most ``MOST_READ`` rows."""
        await self.flush()
        query = select(SPAN).where(*self._of(account_id), SPAN.c.trace_id == trace_id)
        rows = await self._store.read(query.order_by(SPAN.c.place).limit(MOST_READ))
        return [span for row in rows for span in self._spans(row)]

    async def sweep(self) -> int:
        """Delete what has expired, a part at a time: how many there were."""
        due = SPAN.c.expires_at_ms <= self._clock.now_ms()
        keys = select(SPAN.c.account_id, SPAN.c.trace_id, SPAN.c.span_id).where(due).limit(_AT_ONCE)
        rows = await self._store.read(keys)
        if rows:
            await self._store.commit(*(_forgotten(row) for row in rows))
        return len(rows)

    def _spans(self, row: Row) -> Sequence[Span]:
        return calls.spans_of(row["trace_id"], row["span_id"], row["box"])

    def _row(self, report: CallReport) -> Row:
        course = report.course
        assert course is not None  # call_ended took no other
        return {
            "account_id": course.account_id,
            "trace_id": course.trace.trace_id,
            "span_id": course.trace.span_id,
            "source": "call",
            "salt": b"",
            "box": calls.told(report, course),
            "place": self._next_place(),
            "expires_at_ms": course.marks.started_ms + self._ttl_ms,
        }

    def _next_place(self) -> int:
        """Microseconds, but each later than the one before."""
        self._place = max(self._place + 1, self._clock.now_ms() * 1000)
        return self._place

    def _of(self, account_id: str) -> tuple[Any, ...]:
        return SPAN.c.account_id == account_id, SPAN.c.expires_at_ms > self._clock.now_ms()


def _added(rows: Sequence[Row]) -> Op:
    def fold(into: Rows) -> None:
        for row in rows:
            into.add("span", dict(row))

    return Op((), fold)


def _forgotten(row: Mapping[str, Any]) -> Op:
    key = Key("span", (row["account_id"], row["trace_id"], row["span_id"]))
    return Op((key,), lambda rows: rows.delete(key))
