"""News of calls that ended in other processes on the same store."""

from pathlib import Path

from base.sealing import Sealer
from base.trace import trace_from
from base.usage import Usage
from server.live import Feed
from settlement.rail import Served
from tests.clocks import HandClock
from tests.stores import fresh_store
from tools.observe import CallReport, Course, Marks
from tools.records.book import SpanBook
from tools.records.tables import TABLES


def report(account_id: str, clock: HandClock) -> CallReport:
    marks = Marks(clock.now_ms(), 1.0)
    marks.admitted_s, marks.held_s, marks.first_s, marks.ran_s = 1.1, 1.2, 1.3, 1.4
    served = Served("m", "r", "e", "1")
    course = Course(trace_from(None), account_id, served, "default", False, marks, 1.5)
    return CallReport(
        "run_1", "req", course.trace.trace_id, "chat", "m", "a", "balance", "completed",
        Usage(1, 2), 5, 1.0, 2.0, course,
    )  # fmt: skip


async def test_calls_of_another_process_are_told_once_and_to_their_account(tmp_path: Path) -> None:
    clock, sealer = HandClock(), Sealer(b"s" * 32)
    async with fresh_store(tmp_path, TABLES) as store:
        mine, other = (SpanBook(store, sealer, clock, 3600, 100, "1") for _ in range(2))
        feed = Feed(mine.calls_elsewhere, clock)
        other.call_ended(report("a", clock))
        await other.flush()  # before anybody listens: no news
        clock.advance_s(1)
        listener, stranger = feed.join("a"), feed.join("b")
        await feed.look()
        assert listener.calls == 0
        for _ in range(3):
            other.call_ended(report("a", clock))
        await other.flush()
        own = report("a", clock)
        mine.call_ended(own)
        feed.call_ended(own)
        await mine.flush()
        clock.advance_s(1)
        await feed.look()
        await feed.look()
        assert listener.take() == 4
        assert (stranger.calls, stranger.news.is_set()) == (0, False)
        clock.advance_s(600)
        await feed.look()
        assert listener.calls == 0


async def test_what_comes_late_of_another_process_is_told_too(tmp_path: Path) -> None:
    clock, sealer = HandClock(), Sealer(b"s" * 32)
    async with fresh_store(tmp_path, TABLES) as store:
        mine, other = (SpanBook(store, sealer, clock, 3600, 100, "1") for _ in range(2))
        feed = Feed(mine.calls_elsewhere, clock)
        listener = feed.join("a")
        clock.advance_s(10)
        other.call_ended(report("a", clock))
        await other.flush()
        clock.advance_s(3)
        await feed.look()
        clock.at_ms -= 2000  # the clock of a process that is behind
        other.call_ended(report("a", clock))
        await other.flush()
        clock.at_ms += 3000
        await feed.look()
        assert listener.take() == 2
