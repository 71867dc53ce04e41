"""Spans of calls reach a collector: a real one reads what the export shows; a bad one hurts nobody."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings
from oteltap.exceptions import OtelTapInitializationError

from tests.live import LiveServer, free_port, running, start, stop

PATIENCE_S = 60.0


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[OtelTapHttpProtobufReceiver, int]]:
    """oteltap (a receiver in Rust) on a port of its own."""
    for _ in range(20):
        port = free_port()
        tap = OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port))
        try:
            await tap.start()
        except OtelTapInitializationError:
            continue  # somebody took the port meanwhile
        try:
            yield tap, port
        finally:
            await tap.stop()
        return
    raise AssertionError("no port is free")


def exported(server: LiveServer, trace_id: str) -> tuple[bytes, list[Span]]:
    headers = {"Authorization": f"Bearer {server.api_key}", "Accept": "application/x-protobuf"}
    url = f"{server.url}/v1/otlp/export?trace_id={trace_id}"
    content = httpx.get(url, headers=headers, timeout=60).raise_for_status().content
    data = TracesData.FromString(content)
    return content, [
        span for group in data.resource_spans for scope in group.scope_spans for span in scope.spans
    ]


def embedded(server: LiveServer) -> str:
    body = {"model": "bge-m3", "input": "one"}
    headers = {"Authorization": f"Bearer {server.api_key}"}
    answer = httpx.post(server.url + "/v1/embeddings", json=body, headers=headers, timeout=60)
    return str(answer.raise_for_status().headers["traceparent"].split("-")[1])


class Ears:
    """Hears every span from now on: the receiver tells each only to who listens when it comes."""

    def __init__(self, tap: OtelTapHttpProtobufReceiver) -> None:
        self._heard: list[Span] = []
        self._came = asyncio.Event()
        self._hearing = asyncio.create_task(self._hear(tap))

    async def _hear(self, tap: OtelTapHttpProtobufReceiver) -> None:
        async for span in tap.stream_traces():
            self._heard.append(span)
            self._came.set()

    async def heard(self, trace_id: str, count: int) -> list[Span]:
        """Spans of a trace, as many as there should be."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [span for span in self._heard if span.trace_id.hex() == trace_id]
                if len(found) >= count:
                    self._hearing.cancel()
                    return found
                self._came.clear()
                await self._came.wait()


def by_id(spans: list[Span]) -> dict[bytes, Span]:
    return {span.span_id: span for span in spans}


async def test_a_receiver_reads_the_export_as_it_is(live_server: LiveServer) -> None:
    async with receiver() as (tap, port):
        ears = Ears(tap)
        trace_id = await asyncio.to_thread(embedded, live_server)
        body, spans = await asyncio.to_thread(exported, live_server, trace_id)
        headers = {"content-type": "application/x-protobuf"}
        url = f"http://127.0.0.1:{port}/v1/traces"
        answer = await asyncio.to_thread(httpx.post, url, content=body, headers=headers)
        assert answer.status_code == 200
        assert len(spans) == 6
        assert by_id(await ears.heard(trace_id, 6)) == by_id(spans)


async def test_calls_are_pushed_to_a_collector(tmp_path: Path) -> None:
    async with receiver() as (tap, port):
        ears = Ears(tap)
        endpoint = f"http://127.0.0.1:{port}/v1/traces"
        async with pushing_to(tmp_path / "data", endpoint) as server:
            trace_id = await asyncio.to_thread(embedded, server)
            _, spans = await asyncio.to_thread(exported, server, trace_id)
            assert by_id(await ears.heard(trace_id, len(spans))) == by_id(spans)
            await asyncio.to_thread(counted, server, "batchin_spans_pushed_total 1.0")


def test_a_collector_that_is_away_hurts_no_call(tmp_path: Path) -> None:
    with running(tmp_path / "data", BATCHIN_OTLP_ENDPOINT="http://127.0.0.1:9/v1/traces") as server:
        embedded(server)
        embedded(server)


@asynccontextmanager
async def pushing_to(folder: Path, endpoint: str) -> AsyncIterator[LiveServer]:
    """A server in threads of its own, so that the receiver's loop goes on."""
    server = await asyncio.to_thread(start, folder, BATCHIN_OTLP_ENDPOINT=endpoint)
    try:
        yield server
    finally:
        await asyncio.to_thread(stop, server)


def counted(server: LiveServer, line: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while line not in httpx.get(server.url + "/metrics", timeout=60).text:
        assert time.monotonic() < deadline, line
        time.sleep(0.05)
