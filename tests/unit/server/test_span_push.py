"""Pushing spans: tried again when that may help, dropped and counted when not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from base.settings import SettingsError
from base.trace import trace_from
from base.usage import Usage
from server.span_push import MOST_WAITING, SpanPush, headers_of
from settlement.rail import Served
from tools.observe import CallReport, Course, Marks


def report() -> CallReport:
    marks = Marks(1_700_000_000_000, 1.0)
    marks.admitted_s, marks.held_s, marks.first_s, marks.ran_s = 1.1, 1.2, 1.3, 1.4
    course = Course(trace_from(None), "acct", Served("m", "r", "e", "1"), "default", False, marks, 1.5)
    return CallReport(
        "run_1", "req", course.trace.trace_id, "chat", "m", "a", "balance", "completed",
        Usage(1, 2), 5, 1.0, 2.0, course,
    )  # fmt: skip


class Collector:
    """Answers with these statuses in turn, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.asked: list[web.Request] = []
        self.headers: dict[str, str] = {}

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        self.asked.append(request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers=self.headers)


@asynccontextmanager
async def pushing_to(collector: Collector) -> AsyncIterator[SpanPush]:
    app = web.Application()
    app.router.add_post("/v1/traces", collector.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    push = SpanPush(f"http://{host}:{port}/v1/traces", {"authorization": "Bearer s"}, (0.0, 0.0))
    try:
        yield push
    finally:
        await push.aclose()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("statuses", "tries", "pushed"),
    [((200,), 1, 1), ((503, 429, 200), 3, 1), ((503,), 3, 0), ((400,), 1, 0), ((302,), 1, 0)],
)
async def test_a_batch_is_tried_again_where_that_may_help(
    statuses: tuple[int, ...], tries: int, pushed: int
) -> None:
    collector = Collector(*statuses)
    async with pushing_to(collector) as push:
        push.call_ended(report())
        await push.flush()
        assert len(collector.asked) == tries
        assert (push.pushed, push.dropped) == (pushed, 1 - pushed)
        assert collector.asked[0].headers["authorization"] == "Bearer s"


async def test_a_collector_that_is_away_costs_its_spans_alone() -> None:
    push = SpanPush("http://127.0.0.1:9/v1/traces", {}, (0.0,))
    push.call_ended(report())
    await push.flush()
    assert (push.pushed, push.dropped) == (0, 1)
    await push.aclose()


async def test_what_waits_is_bounded() -> None:
    push = SpanPush("http://127.0.0.1:9/v1/traces", {})
    one = report()
    for _ in range(MOST_WAITING + 3):
        push.call_ended(one)
    assert push.dropped == 3


def test_headers_are_written_as_the_sdks_write_them() -> None:
    assert headers_of("Authorization=Basic a=b, X-Org = 7,") == {
        "authorization": "Basic a=b",
        "x-org": "7",
    }
    assert headers_of("Authorization=Basic%20YTpi%3D") == {"authorization": "Basic YTpi="}
    assert headers_of("") == {}


@pytest.mark.parametrize(
    "text", ["secret", "=secret", "a b=secret", "a=secret%0d%0ab: c", "a=secret\u00b2"]
)
def test_what_is_no_header_is_refused_at_the_start_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match="otlp_headers") as refused:
        headers_of(text)
    assert "secret" not in str(refused.value)


async def test_a_wait_that_is_no_number_is_no_trouble() -> None:
    collector = Collector(503, 200)
    collector.headers = {"retry-after": "\u00b2"}
    async with pushing_to(collector) as push:
        push.call_ended(report())
        await push.flush()
        assert (push.pushed, push.dropped) == (1, 0)
