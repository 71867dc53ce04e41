"""The doors of OTLP by hand: encodings, limits, pages, and whose spans they are."""

import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.live import LiveServer
from tests.operator import new_key

TRACE = "5b8efff798038103d269b633813fc60c"
PROTOBUF = "application/x-protobuf"


@pytest.fixture
def http(live_server: LiveServer) -> Iterator[httpx.Client]:
    with client_of(live_server) as client:
        yield client


def client_of(live_server: LiveServer) -> httpx.Client:
    headers = {"Authorization": f"Bearer {new_key(live_server.data_dir)}"}
    return httpx.Client(base_url=live_server.url + "/v1", headers=headers, timeout=60)


def span(span_id: str, **more: Any) -> dict[str, Any]:
    """As the specification's example writes it."""
    return {
        "traceId": TRACE.upper(),
        "spanId": span_id,
        "name": f"span {span_id}",
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "kind": 2,
        "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
        **more,
    }


def message(*spans: Mapping[str, Any]) -> dict[str, Any]:
    service = {"key": "service.name", "value": {"stringValue": "my.service"}}
    scope = {"name": "my.library", "version": "1.0.0"}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [service]},
                "scopeSpans": [{"scope": scope, "spans": list(spans)}],
            }
        ]
    }


def sent(http: httpx.Client, *spans: Mapping[str, Any]) -> Any:
    return http.post("/otlp/traces", json=message(*spans)).raise_for_status().json()


def names(http: httpx.Client) -> list[str]:
    told = http.get(f"/traces/{TRACE}").raise_for_status().json()
    return [one["name"] for one in told["spans"]]


def test_json_with_hex_ids_comes_back_as_it_was(http: httpx.Client) -> None:
    wanted = message(span("eee19b7ec3c1b174", parentSpanId="eee19b7ec3c1b173"))
    assert http.post("/otlp/traces", json=wanted | {"fromTheFuture": {}}).json() == {}
    wanted["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] = TRACE
    assert http.get("/otlp/export").json() == wanted
    told = http.get(f"/traces/{TRACE}").json()
    assert (told["customer_trace_id"], told["run_id"], told["runs"]) == (TRACE, None, [])
    assert told["spans"][0]["parent_span_id"] == "eee19b7ec3c1b173"


def test_the_same_span_again_replaces_it(http: httpx.Client) -> None:
    for name in ("first", "second"):
        assert sent(http, span("eee19b7ec3c1b174", name=name)) == {}
    assert names(http) == ["second"]


def test_what_is_no_span_is_told_and_the_rest_is_kept(http: httpx.Client) -> None:
    bad = (
        span("eee19b7ec3c1b1", name="a short id"),
        span("0" * 16, name="no id"),
        span("eee19b7ec3c1b174", traceId="0" * 32, name="no trace"),
        span("eee19b7ec3c1b174", parentSpanId="ab", name="a short parent"),
        span("eee19b7ec3c1b175", name="x" * 70_000),
    )
    answer = sent(http, *bad, span("eee19b7ec3c1b176", name="good"))
    assert answer["partialSuccess"]["rejectedSpans"] == "5"
    assert "65536" in answer["partialSuccess"]["errorMessage"]
    assert names(http) == ["good"]


def test_a_span_of_the_server_is_not_replaced(http: httpx.Client) -> None:
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    body = {"model": "bge-m3", "input": "one"}
    call = http.post("/embeddings", json=body, headers=headers).raise_for_status()
    http.get(f"/traces/{TRACE}").raise_for_status()  # its spans are written
    own = call.headers["traceparent"].split("-")[2]
    assert sent(http, span(own, name="forged"))["partialSuccess"]["rejectedSpans"] == "1"
    assert "forged" not in names(http)
    assert "embeddings bge-m3" in names(http)


def test_nobody_sees_anothers_spans_of_the_same_trace(
    http: httpx.Client, live_server: LiveServer
) -> None:
    sent(http, span("eee19b7ec3c1b174", name="mine"))
    with client_of(live_server) as other:
        assert other.get(f"/traces/{TRACE}").status_code == 404
        assert other.get("/otlp/export").json() == {"resourceSpans": []}
        sent(other, span("eee19b7ec3c1b174", name="theirs"), span("eee19b7ec3c1b175", name="more"))
        assert names(other) == ["theirs", "more"]
    assert names(http) == ["mine"]
    for path in ("/otlp/export", f"/traces/{TRACE}"):
        assert httpx.get(live_server.url + "/v1" + path).status_code == 401
    assert httpx.post(live_server.url + "/v1/otlp/traces", json={}).status_code == 401


def test_pages_hold_each_span_once(http: httpx.Client) -> None:
    ids = [f"{number:016x}" for number in range(1, 8)]
    sent(http, *(span(one) for one in ids))
    found: list[str] = []
    after: Mapping[str, str] = {}
    while True:
        page = http.get("/otlp/export", params={"limit": "3", **after}).raise_for_status()
        groups = page.json()["resourceSpans"]
        found += [one["spanId"] for group in groups for one in group["scopeSpans"][0]["spans"]]
        if "x-batchin-next" not in page.headers:
            break
        after = {"after": page.headers["x-batchin-next"]}
    assert found == ids
    assert http.get("/otlp/export", params={"trace_id": "1" * 32}).json() == {"resourceSpans": []}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "after=-1", "trace_id=xyz", "limit=1&limit=2"]
)
def test_a_wrong_page_is_named(http: httpx.Client, query: str) -> None:
    answer = http.get(f"/otlp/export?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


def test_protobuf_is_answered_in_protobuf(http: httpx.Client) -> None:
    request = ExportTraceServiceRequest()
    inner = request.resource_spans.add().scope_spans.add()
    inner.spans.add(trace_id=bytes.fromhex(TRACE), span_id=b"\1" * 8, name="good")
    inner.spans.add(trace_id=bytes.fromhex(TRACE), span_id=b"\1", name="bad")
    headers = {"content-type": PROTOBUF, "content-encoding": "gzip"}
    body = gzip.compress(request.SerializeToString())
    answer = http.post("/otlp/traces", content=body, headers=headers).raise_for_status()
    assert answer.headers["content-type"] == PROTOBUF
    assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 1
    assert names(http) == ["good"]


NESTED: dict[str, Any] = {"stringValue": "x"}
for _ in range(200):
    NESTED = {"arrayValue": {"values": [NESTED]}}
DEEP = json.dumps(message(span("eee19b7ec3c1b174", attributes=[{"key": "k", "value": NESTED}]))).encode()
BOMB = gzip.compress(bytes(64 * 1024 * 1024), mtime=0)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_request"),
        (b"[]", {}, 400, "invalid_request"),
        (b'{"resourceSpans": 7}', {}, 400, "invalid_request"),
        (
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"spanId": "xyz"}]}]}]}',
            {},
            400,
            "invalid_request",
        ),
        (
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": []}]}]}]}',
            {},
            400,
            "invalid_request",
        ),
        (DEEP, {}, 400, "invalid_request"),
        (b"\xff\xff", {"content-type": PROTOBUF}, 400, None),
        (b"{}", {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        (b"{}", {"content-encoding": "br"}, 415, "unsupported_media_type"),
        (b"{}", {"content-encoding": "gzip"}, 400, "invalid_request"),
        (gzip.compress(b"{}", mtime=0)[:-4], {"content-encoding": "gzip"}, 400, "invalid_request"),
        (BOMB, {"content-encoding": "gzip"}, 413, "payload_too_large"),
        (bytes(5 * 1024 * 1024), {}, 413, "payload_too_large"),
    ],
    ids=[
        "no JSON",
        "a list",
        "no list",
        "an id that is no hex",
        "a kind that is none",
        "too deep",
        "no protobuf",
        "another type",
        "another coding",
        "no gzip",
        "cut gzip",
        "a bomb",
        "too large",
    ],
)
def test_what_is_not_otlp_is_refused(
    http: httpx.Client, body: bytes, headers: Mapping[str, str], status: int, code: str | None
) -> None:
    answer = http.post(
        "/otlp/traces", content=body, headers={"content-type": "application/json", **headers}
    )
    assert answer.status_code == status, answer.text
    if code is None:
        assert answer.headers["content-type"] == PROTOBUF
        assert answer.content[:2] == b"\x08\x03"  # google.rpc.Status: INVALID_ARGUMENT
        assert b"invalid_request" in answer.content
    else:
        assert answer.json()["error"]["code"] == code


def test_spans_are_taken_once_under_a_key_of_the_request(http: httpx.Client) -> None:
    """Packed, and longer than other bodies may be: the door behind the key has limits of its own."""
    few = json.dumps(message(span("f" * 16))).encode()
    many = json.dumps(message(*(span(f"{n:016x}", name="x" * 60_000) for n in range(1, 41)))).encode()
    assert len(many) > 2_097_152
    for number, (body, coding) in enumerate(((gzip.compress(few), "gzip"), (many, "identity"))):
        headers = {
            "content-type": "application/json",
            "content-encoding": coding,
            "idempotency-key": f"spans-{number}",
        }
        for _ in range(2):
            answer = http.post("/otlp/traces", content=body, headers=headers)
            assert (answer.status_code, answer.json()) == (200, {}), answer.text
    assert len(names(http)) == 41
