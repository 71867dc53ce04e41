"""OpenTelemetry's own SDK sends spans here: its trace and ours are one, and come out as they went in."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from tests.live import LiveServer
from tests.operator import new_key

PATHS = ("/v1/otlp/traces", "/v1/otlp/v1/traces")


class Sender:
    """An application that is traced, and what its exporter was answered."""

    def __init__(self, url: str, key: str, compression: Compression) -> None:
        self.results: list[SpanExportResult] = []
        headers = {"Authorization": f"Bearer {key}"}
        exporter = OTLPSpanExporter(endpoint=url, headers=headers, compression=compression)
        export = exporter.export

        def noted(spans: Any) -> SpanExportResult:
            self.results.append(export(spans))
            return self.results[-1]

        exporter.export = noted  # type: ignore[method-assign] # the answers are looked at
        self.provider = TracerProvider(resource=Resource.create({"service.name": "shop", "n": 7}))
        self.provider.add_span_processor(SimpleSpanProcessor(exporter))
        self.tracer = self.provider.get_tracer("shop.agent", "1.2")


@pytest.fixture
def http(live_server: LiveServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {new_key(live_server.data_dir)}"}
    with httpx.Client(base_url=live_server.url, headers=headers, timeout=60) as client:
        yield client


def key_of(http: httpx.Client) -> str:
    return http.headers["authorization"].removeprefix("Bearer ")


def traced_call(sender: Sender, http: httpx.Client) -> str:
    """An agent's span around a call; returns the id of the trace."""
    other = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    with sender.tracer.start_as_current_span("agent", links=[Link(other, {"why": "retry"})]) as span:
        span.set_attributes({"ok": True, "ratio": 0.5, "tags": ["a", "b"], "big": 2**62})
        span.add_event("looked up", {"hits": 3})
        span.set_status(Status(StatusCode.ERROR, "no stock"))
        headers: dict[str, str] = {}
        inject(headers)
        body = {"model": "bge-m3", "input": "one"}
        http.post("/v1/embeddings", json=body, headers=headers).raise_for_status()
        return f"{span.get_span_context().trace_id:032x}"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_sdk_and_the_server_share_a_trace(
    http: httpx.Client, path: str, compression: Compression
) -> None:
    sender = Sender(str(http.base_url.join(path)), key_of(http), compression)
    trace_id = traced_call(sender, http)
    assert sender.results == [SpanExportResult.SUCCESS]
    told = http.get(f"/v1/traces/{trace_id}").raise_for_status().json()
    agent, call = told["spans"][:2]
    assert (agent["name"], agent["source"], agent["service"]) == ("agent", "otlp", "shop")
    assert (call["name"], call["parent_span_id"]) == ("embeddings bge-m3", agent["span_id"])
    assert call["run_id"] == told["runs"][0]["run_id"]
    assert agent["attributes"] == {"ok": True, "ratio": 0.5, "tags": ["a", "b"], "big": 2**62}
    assert (agent["status"], agent["status_message"]) == ("error", "no stock")
    assert agent["links"] == [
        {"trace_id": f"{1:032x}", "span_id": f"{2:016x}", "attributes": {"why": "retry"}}
    ]
    assert [(event["name"], event["attributes"]) for event in agent["events"]] == [
        ("looked up", {"hits": 3})
    ]
    assert agent["offset_us"] == 0
    assert int(agent["start_ns"]) <= int(call["start_ns"]) + 1_000_000  # ours begin at a millisecond


def test_what_the_sdk_sent_is_exported_as_it_was(http: httpx.Client) -> None:
    sender = Sender(str(http.base_url.join(PATHS[0])), key_of(http), Compression.NoCompression)
    with sender.tracer.start_as_current_span("outer") as outer:
        for number in range(3):
            with sender.tracer.start_as_current_span(f"inner {number}"):
                pass
    asked = {"accept": "application/x-protobuf"}
    answer = http.get("/v1/otlp/export", headers=asked).raise_for_status()
    assert answer.headers["content-type"] == "application/x-protobuf"
    data = TracesData.FromString(answer.content)
    assert [group.scope_spans[0].scope.name for group in data.resource_spans] == ["shop.agent"]
    spans = data.resource_spans[0].scope_spans[0].spans
    assert [span.name for span in spans] == ["inner 0", "inner 1", "inner 2", "outer"]
    assert spans[0].parent_span_id == outer.get_span_context().span_id.to_bytes(8)
    assert spans[3].start_time_unix_nano == outer.start_time  # type: ignore[attr-defined] # the SDK's span
    shown = http.get("/v1/otlp/export").raise_for_status().json()["resourceSpans"]
    again = [span["spanId"] for span in shown[0]["scopeSpans"][0]["spans"]]
    assert again == [span.span_id.hex() for span in spans]


def test_an_exporter_with_a_wrong_key_is_refused(http: httpx.Client) -> None:
    sender = Sender(str(http.base_url.join(PATHS[0])), "batchin_api_wrong", Compression.NoCompression)
    with sender.tracer.start_as_current_span("lost"):
        pass
    assert sender.results == [SpanExportResult.FAILURE]
