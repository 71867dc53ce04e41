"""The short way of a tools/call answers as the SDK's transport does, to every kind of message."""

from collections.abc import Mapping
from typing import Any

import anyio
import httpx2
import orjson
import pytest
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY

from server.mcp import exchange
from tests.contract.mcp.conftest import Live
from tests.contract.mcp.pack import KEY

VERSIONS = ("2026-07-28", "2025-11-25", "2025-06-18")
CALLS: Mapping[str, tuple[str, Any, Mapping[str, Any]]] = {
    "answered": ("echo", {"text": "hi"}, {}),
    "arguments refused": ("echo", {"txt": 1}, {}),
    "no arguments": ("echo", None, {}),
    "no such tool": ("nothing", {}, {}),
    "arguments of another type": ("echo", ["hi"], {}),
    "progress": ("talk", {"words": ["a ", "b"]}, {"progressToken": "p"}),
    "progress by a number": ("talk", {"words": ["a "]}, {"progressToken": 7}),
    "a token that is none": ("talk", {"words": ["a "]}, {"progressToken": {}}),
    "payment of another type": ("talk", {"words": ["a "]}, {"x402/payment": 7}),
    "a name in other letters": ("écho", {"text": "hi"}, {}),
}
CHANGING = ("run_id", "request_id", "traceparent")


def message(version: str, name: str, arguments: Any, meta: Mapping[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = {"name": name}
    if arguments is not None:
        params["arguments"] = arguments
    if version == VERSIONS[0]:
        meta = {PROTOCOL_VERSION_META_KEY: version, CLIENT_CAPABILITIES_META_KEY: {}, **meta}
    if meta:
        params["_meta"] = meta
    return {"jsonrpc": "2.0", "id": "one", "method": "tools/call", "params": params}


async def told(
    live: Live, body: Mapping[str, Any], version: str, *more: tuple[str, str]
) -> tuple[int, Any]:
    """Status and messages of an answer, whatever form it took."""
    headers = [
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", version),
        ("authorization", f"Bearer {KEY}"),
        ("content-type", "application/json"),
        *more,
    ]
    if version == VERSIONS[0]:
        name = body["params"]["name"] if isinstance(body.get("params"), dict) else "echo"
        encoded = "=?base64?w6ljaG8=?=" if name == "écho" else str(name)
        headers += [("mcp-method", "tools/call"), ("mcp-name", encoded)]
    async with httpx2.AsyncClient(timeout=60) as http:
        answer = await http.post(live.url, content=orjson.dumps(body), headers=headers)
    lines = answer.text.splitlines() if "event-stream" in answer.headers.get("content-type", "") else []
    if not answer.content:
        return answer.status_code, []
    events = [line.removeprefix("data:") for line in lines if line.startswith("data:") and "{" in line]
    return answer.status_code, [_steady(orjson.loads(event)) for event in events or [answer.text]]


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _steady(v) for k, v in value.items() if not k.endswith(CHANGING)}
    return [_steady(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each message went the short way."""
    ways: list[bool] = []
    take = exchange.Exchanges.take

    async def noted(*args: Any) -> bool:
        ways.append(False)
        ways[-1] = await take(*args)
        return ways[-1]

    monkeypatch.setattr(exchange.Exchanges, "take", noted)
    return ways


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", CALLS)
async def test_both_ways_answer_the_same(live: Live, taken: list[bool], version: str, kind: str) -> None:
    body = message(version, *CALLS[kind])
    short = await told(live, body, version)
    long = await told(live, body, version, ("x-more", "1"), ("x-more", "2"))  # the SDK sees duplicates
    assert short == long
    assert taken[1] is False


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_is_well_formed_goes_the_short_way(
    live: Live, taken: list[bool], version: str
) -> None:
    status, (answer,) = await told(live, message(version, *CALLS["answered"]), version)
    assert (status, answer["result"]["structuredContent"]) == (
        200,
        {"text": "hi", "note": None},
    )
    assert taken == [True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"jsonrpc": "1.0"},
        {"id": None},
        {"id": True},
        {"id": 1.5},
        {"method": "tools/list"},
        {"params": None},
        {"params": []},
        {"params": {"name": 7}},
        {"params": {"name": "echo", "_meta": 7}},
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_is_not_is_refused_by_the_sdk(
    live: Live, taken: list[bool], version: str, wrong: Mapping[str, Any]
) -> None:
    await told(live, message(version, "echo", {"text": "hi"}, {}) | dict(wrong), version)
    assert taken == [False]


async def test_a_silent_call_is_kept_alive(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PING_S", 0.01)
    version = VERSIONS[0]
    body = message(version, "talk", {"words": ["a "], "hang": True}, {})
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": version,
        "mcp-method": "tools/call",
        "mcp-name": "talk",
        "authorization": f"Bearer {KEY}",
    }
    async with (
        httpx2.AsyncClient(timeout=60) as http,
        http.stream("POST", live.url, json=body, headers=headers) as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream"
        with anyio.fail_after(60):
            lines = answer.aiter_lines()
            assert [await anext(lines) for _ in range(4)] == [": ping", "", ": ping", ""]
