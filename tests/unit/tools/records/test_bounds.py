"""What a small message of spans may become: on its way in, in the store, and in answers."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from base.sealing import Sealer
from tests.clocks import HandClock
from tests.stores import fresh_store
from tools.records import book as records
from tools.records.book import SpanBook
from tools.records.pages import MOST_READ_BYTES, MOST_READ_PARTS
from tools.records.tables import TABLES
from tools.records.wire import MOST_PARTS, MOST_SPLIT_BYTES, Sent, split

TRACE = "5b8efff798038103d269b633813fc60c"
LONG = "x" * 60_000


def message(spans: int, resource: str = "", name: str = "", events: int = 0) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    if resource:
        group.resource.attributes.add(key="host").value.string_value = resource
    scope = group.scope_spans.add()
    for number in range(1, spans + 1):
        span = scope.spans.add(trace_id=bytes.fromhex(TRACE), span_id=number.to_bytes(8), name=name)
        for _ in range(events):
            span.events.add()
    return request.SerializeToString()


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[SpanBook]:
    async with fresh_store(tmp_path, TABLES) as store:
        yield SpanBook(store, Sealer(bytes(32)), HandClock(), 3600, 10_000, "1")


def test_a_large_resource_is_not_copied_for_every_span_of_a_message() -> None:
    body = message(1000, resource=LONG)
    assert len(body) < 100_000
    taken = list(split(ExportTraceServiceRequest.FromString(body)))
    kept = [one for one in taken if isinstance(one, Sent)]
    assert MOST_SPLIT_BYTES - 2 * len(LONG) < sum(len(one.data) for one in kept) <= MOST_SPLIT_BYTES
    assert {one for one in taken if isinstance(one, str)} == {
        f"the spans with their resources are larger than {MOST_SPLIT_BYTES} bytes in all"
    }


@pytest.mark.parametrize(("events", "taken"), [(MOST_PARTS, True), (MOST_PARTS + 1, False)])
def test_a_span_has_so_many_parts(events: int, taken: bool) -> None:
    [one] = split(ExportTraceServiceRequest.FromString(message(1, events=events)))
    assert isinstance(one, Sent) is taken


def test_what_is_inside_of_an_attribute_counts() -> None:
    request = ExportTraceServiceRequest.FromString(message(1))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    values = span.attributes.add(key="list").value.array_value.values
    for _ in range(MOST_PARTS):
        values.add().bool_value = True
    [one] = split(request)
    assert isinstance(one, str)
    assert "attributes, events and links" in one


async def test_pages_of_large_spans_are_short_and_leave_none_out(book: SpanBook) -> None:
    await book.take("acct", message(150, name=LONG), as_json=False)
    found, after = 0, 0
    while True:
        page = await book.page("acct", 1000, after, None)
        assert sum(len(row["box"]) for row in page.rows) <= MOST_READ_BYTES
        found += len(page.rows)
        if page.next_after is None:
            break
        after = page.next_after
    assert found == 150
    traced = await book.of_trace("acct", TRACE)
    assert 0 < len(traced.spans) < 150
    assert len(traced.spans) + traced.left_out == 150


async def test_a_trace_shows_so_many_parts(book: SpanBook) -> None:
    await book.take("acct", message(100, events=MOST_PARTS), as_json=False)
    traced = await book.of_trace("acct", TRACE)
    assert len(traced.spans) == MOST_READ_PARTS // MOST_PARTS
    assert traced.left_out == 100 - len(traced.spans)


async def test_messages_that_take_long_keep_no_thread_from_others(book: SpanBook) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    read, go_on = threading.Event(), threading.Event()

    def slow(*_: Any) -> tuple[list[Any], list[str]]:
        read.set()
        assert go_on.wait(60)
        return [], []

    with patch.object(records, "_read", slow):
        takes = [asyncio.create_task(book.take("acct", b"", as_json=False)) for _ in range(4)]
        try:
            async with asyncio.timeout(60):
                assert await asyncio.to_thread(read.wait, 60)
        finally:
            go_on.set()
        await asyncio.gather(*takes)
