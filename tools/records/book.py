"""Keeps spans: those of calls in batches and off their way, those that are sent at once; all expire."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import func, select

from base.clock import Clock
from base.sealing import Sealed, Sealer, Unsealable
from storage.errors import StorageUnavailable
from storage.op import Key, Op, Row, Rows, Store
from tools.observe import CallReport
from tools.records import calls
from tools.records.pages import MOST_READ, MOST_READ_PARTS, Page, Traced, fitting_of, measured
from tools.records.span import Span
from tools.records.tables import SENT, SPAN

if TYPE_CHECKING:
    from tools.records.wire import Sent

_MOST_WAITING: Final = 20_000
_AT_ONCE: Final = 256
_MOST_OWN: Final = 16_384
_FULL: Final = "at most {} sent spans of an account are kept until they expire"
_TAKEN: Final = "a span has the ids of one of this server's own"
_PAUSE_S: Final = 0.5
_READERS: Final = 2
_log: Final = logging.getLogger("batchin.spans")
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Taken:
    """How many spans of a message were not taken, and why the last of them was not."""

    rejected: int
    why: str

    def answer(self, *, as_json: bool) -> bytes:
        """An ExportTraceServiceResponse."""
        from tools.records import wire

        return wire.answered(self.rejected, self.why, as_json=as_json)


class SpanBook:
    """The spans of all accounts; nobody reads another's. An Observer of calls: what it notes is written
    half a second later, at the next reading, or when the server stops. ``lost`` counts the calls whose
    spans could not be kept, for the store failed or too many waited."""

    def __init__(
        self, store: Store, sealer: Sealer, clock: Clock, ttl_s: int, most_sent: int, version: str
    ) -> None:
        self._most_sent = most_sent
        self._version = version
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._ttl_ms = ttl_s * 1000
        self._waiting: list[CallReport] = []
        self._writing = asyncio.Lock()
        self._noted = asyncio.Event()
        self._place = 0
        self._own: dict[str, None] = {}
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="spans")
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

    async def of_trace(self, account_id: str, trace_id: str) -> Traced:
        """The account's spans of one trace, the oldest rows first: of ``MOST_READ`` rows those that have
        ``MOST_READ_BYTES`` and ``MOST_READ_PARTS`` in all."""
        await self.flush()
        asked = (*self._of(account_id), SPAN.c.trace_id == trace_id)
        found = await self._store.read(measured(asked, MOST_READ))
        fitting = fitting_of(found)
        rows = await self._rows(asked, fitting)
        spans, read = await self._apart(self._shown, rows)
        return Traced(spans, len(found) - read)

    async def calls_elsewhere(
        self, account_ids: Collection[str], place: int
    ) -> Sequence[tuple[str, str, int]]:
        """The calls of accounts that other processes kept after a place, as account, span and place: at
        most ``MOST_READ``."""
        query = select(SPAN.c.account_id, SPAN.c.span_id, SPAN.c.place).where(
            SPAN.c.account_id.in_(account_ids), SPAN.c.place > place, SPAN.c.source == "call"
        )
        rows = await self._store.read(query.limit(MOST_READ))
        found = ((row["account_id"], row["span_id"], row["place"]) for row in rows)
        return [one for one in found if one[1] not in self._own]

    async def take(self, account_id: str, body: bytes, *, as_json: bool) -> Taken:
        """Keep the spans of an OTLP message for an account; the same span again replaces it.

        Raises InvalidRequest for what is no such message, StorageUnavailable.
        """
        sent, refusals = await self._apart(_read, body, as_json)
        room = self._most_sent - await self._count(account_id) if self._ttl_ms else 0
        if len(sent) > room:
            refusals += [_FULL.format(self._most_sent)] * (len(sent) - max(0, room))
            sent = sent[: max(0, room)]
        rows = await self._apart(lambda: [self._sent_row(account_id, one) for one in sent])
        for start in range(0, len(rows), _AT_ONCE):
            part = [row | {"place": self._next_place()} for row in rows[start : start + _AT_ONCE]]
            taken = await self._store.commit(*(_put(row) for row in part))
            refusals += [_TAKEN for one in taken if not one]
        return Taken(len(refusals), refusals[-1] if refusals else "")

    async def page(self, account_id: str, limit: int, after: int, trace_id: str | None) -> Page:
        """Spans in the order of their arrival, as messages: after a place at most ``limit`` rows, and no
        more of them than have ``MOST_READ_BYTES`` in all."""
        await self.flush()
        asked = (*self._of(account_id), SPAN.c.place > after)
        if trace_id is not None:
            asked = (*asked, SPAN.c.trace_id == trace_id)
        found = await self._store.read(measured(asked, limit + 1))
        fitting = fitting_of(found[:limit])
        rows = await self._rows(asked, fitting)
        more = len(found) > len(fitting)
        return Page(rows, fitting[-1]["place"] if more else None)

    async def exported(self, page: Page, *, as_json: bool) -> bytes:
        """A page as a TracesData message."""
        return await self._apart(self._exported, page.rows, as_json)

    async def _rows(self, asked: tuple[Any, ...], fitting: Sequence[Row]) -> Sequence[Row]:
        """The whole of rows that were measured."""
        if not fitting:
            return ()
        upto = SPAN.c.place <= fitting[-1]["place"]
        return await self._store.read(select(SPAN).where(*asked, upto).order_by(SPAN.c.place))

    def _shown(self, rows: Sequence[Row]) -> tuple[Sequence[Span], int]:
        """The spans of the first rows, and of how many rows they are."""
        spans: list[Span] = []
        left = MOST_READ_PARTS
        for number, row in enumerate(rows):
            found = self._spans(row)
            left -= sum(span.parts for span in found)
            if left < 0:
                return spans, number
            spans += found
        return spans, len(rows)

    async def _apart(self, work: Callable[..., AnswerT], *given: Any) -> AnswerT:
        """Messages of megabytes take seconds: few at once, and in nobody else's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    async def _count(self, account_id: str) -> int:
        """How many spans the account sent and are kept, as far as it matters."""
        own = select(SPAN.c.source).where(SPAN.c.account_id == account_id, SENT)
        rows = await self._store.read(
            select(func.count().label("n")).select_from(own.limit(self._most_sent).subquery())
        )
        return int(rows[0]["n"])

    async def sweep(self) -> int:
        """Delete what has expired, a part at a time: how many there were."""
        due = SPAN.c.expires_at_ms <= self._clock.now_ms()
        keys = select(SPAN.c.account_id, SPAN.c.trace_id, SPAN.c.span_id).where(due).limit(_AT_ONCE)
        rows = await self._store.read(keys)
        if rows:
            await self._store.commit(*(_forgotten(row) for row in rows))
        return len(rows)

    def _exported(self, rows: Sequence[Row], as_json: bool) -> bytes:
        from tools.records import message, wire

        groups = []
        for row in rows:
            if row["source"] == "call":
                groups.append(message.message_of(self._spans(row), self._version))
            elif (data := self._opened(row)) is not None:
                groups.append(wire.group_of(data))
        told = wire.joined(groups)
        return wire.to_json(told) if as_json else told.SerializeToString()

    def _opened(self, row: Row) -> bytes | None:
        """None where the server's secret changed meanwhile: what it sealed is gone."""
        try:
            return self._sealer.open(Sealed(row["salt"], row["box"]))
        except Unsealable:
            return None

    def _sent_row(self, account_id: str, sent: "Sent") -> Row:
        sealed = self._sealer.seal(sent.data)
        return {
            "account_id": account_id,
            "trace_id": sent.trace_id,
            "span_id": sent.span_id,
            "source": "otlp",
            "salt": sealed.salt,
            "box": sealed.box,
            "expires_at_ms": self._clock.now_ms() + self._ttl_ms,
        }

    def _spans(self, row: Row) -> Sequence[Span]:
        if row["source"] == "otlp":
            from tools.records.message import span_of

            data = self._opened(row)
            return [span_of(data)] if data is not None else []
        return calls.spans_of(row["trace_id"], row["span_id"], row["box"])

    def _row(self, report: CallReport) -> Row:
        course = report.course
        assert course is not None  # call_ended took no other
        self._own[course.trace.span_id] = None
        if len(self._own) > _MOST_OWN:
            del self._own[next(iter(self._own))]
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


def _read(body: bytes, as_json: bool) -> tuple[list["Sent"], list[str]]:
    """The spans of a message, and why others are not taken."""
    from tools.records import wire

    request = wire.from_json(body) if as_json else wire.from_protobuf(body)
    found = list(wire.split(request))
    sent = {(one.trace_id, one.span_id): one for one in found if not isinstance(one, str)}
    return list(sent.values()), [one for one in found if isinstance(one, str)]


def _put(row: Row) -> Op:
    """Keep a sent span: whether it was taken. Nobody replaces a span of the server's own."""
    key = Key("span", (row["account_id"], row["trace_id"], row["span_id"]))

    def fold(rows: Rows) -> bool:
        there = rows.get(key)
        if there is not None and there["source"] != "otlp":
            return False
        rows.put(key, dict(row))
        return True

    return Op((key,), fold)


def _added(rows: Sequence[Row]) -> Op:
    def fold(into: Rows) -> None:
        for row in rows:
            into.add("span", dict(row))

    return Op((), fold)


def _forgotten(row: Mapping[str, Any]) -> Op:
    key = Key("span", (row["account_id"], row["trace_id"], row["span_id"]))
    return Op((key,), lambda rows: rows.delete(key))
