"""News of calls reach who listens to the account, nobody else, and end with the server."""

from collections.abc import Collection, Sequence
from typing import Any, cast

import pytest

from base.errors import RateLimited
from server.live import MOST_PER_ACCOUNT, Feed
from tests.clocks import HandClock
from tools.observe import CallReport, Course


def ended(account_id: str | None) -> CallReport:
    course = None if account_id is None else _Of(account_id)
    return cast("CallReport", _Report(cast("Course | None", course)))


class _Of:
    def __init__(self, account_id: str) -> None:
        self.account_id = account_id


class _Report:
    def __init__(self, course: Course | None) -> None:
        self.course: Any = course


async def nowhere(_: Collection[str], __: int) -> Sequence[tuple[str, str, int]]:
    return ()


async def test_only_the_accounts_own_listeners_are_told_and_none_is_missed() -> None:
    feed = Feed(nowhere, HandClock())
    mine, others = feed.join("a"), feed.join("b")
    for _ in range(1000):
        feed.call_ended(ended("a"))
    feed.call_ended(ended(None))
    assert (mine.take(), mine.news.is_set()) == (1000, False)
    assert (others.calls, others.news.is_set()) == (0, False)


async def test_streams_are_bounded_and_leave_nothing_behind() -> None:
    feed = Feed(nowhere, HandClock())
    listeners = [feed.join("a") for _ in range(MOST_PER_ACCOUNT)]
    with pytest.raises(RateLimited):
        feed.join("a")
    other = feed.join("b")
    for listener in listeners:
        feed.leave("a", listener)
    feed.leave("b", other)
    assert feed.size == 0
    feed.leave("a", feed.join("a"))
