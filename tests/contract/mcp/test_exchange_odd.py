"""Odd messages: the short way of a tools/call takes none that the SDK would answer in another way."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY

from tests.contract.mcp.conftest import Live
from tests.contract.mcp.pack import KEY
from tests.contract.mcp.test_exchange import VERSIONS, _steady

ODD_META: list[str] = [
    '"progressToken": null',
    '"progressToken": true',
    '"progressToken": 1.5',
    '"progressToken": []',
    '"progressToken": ""',
    '"progressToken": 9007199254740993',
    '"progressToken": 123456789012345678901234567890',
    '"progressToken": "a", "progressToken": "b"',
    '"progressToken": "\\ud800"',
    '"traceparent": 7',
    '"traceparent": "00-zz-1-01"',
    '"x402/payment": "{"',
    '"x402/payment": "null"',
    '"x402/payment": {"accepted": []}',
    '"x402/payment": null',
    '"io.modelcontextprotocol/clientInfo": 7',
    '"io.modelcontextprotocol/clientInfo": null',
    '"io.modelcontextprotocol/clientInfo": {"name": "a"}',
    '"io.modelcontextprotocol/clientInfo": {"name": "a", "version": "1"}',
    '"io.modelcontextprotocol/logLevel": "none"',
    '"io.modelcontextprotocol/clientCapabilities": null',
    '"io.modelcontextprotocol/clientCapabilities": []',
    '"io.modelcontextprotocol/clientCapabilities": {"extensions": 7}',
    f'"{CLIENT_CAPABILITIES_META_KEY}": {{"extensions": {{"io.modelcontextprotocol/tasks": {{}}}}}}',
    '"io.modelcontextprotocol/clientCapabilities": {"sampling": true}',
    '"io.modelcontextprotocol/protocolVersion": "2025-11-25"',
    '"io.modelcontextprotocol/protocolVersion": 7',
    '"\\u0000": 1',
    '"": {}',
]
ODD_PARAMS: list[str] = [
    '"name": "parrot", "arguments": {"text": "x"}',
    '"name": "talk", "name": "echo", "arguments": {"text": "x"}',
    '"name": "echo", "arguments": {"text": "x", "text": "y"}',
    '"name": "echo", "arguments": null',
    '"name": "echo", "arguments": ""',
    '"name": "echo", "arguments": 0',
    '"name": "echo", "arguments": []',
    '"name": "echo", "arguments": {"text": NaN}',
    '"name": "echo", "arguments": {"text": Infinity}',
    '"name": "echo", "arguments": {"text": 1e999}',
    '"name": "echo", "arguments": {"text": "\\ud800"}',
    '"name": "echo", "arguments": {"text": "\\u0000"}',
    '"name": "echo", "arguments": {"text": "x", "": 1}',
    '"name": "echo", "arguments": {"text": 18446744073709551616}',
    '"name": "echo", "arguments": {"text": ' + "[" * 100 + "]" * 100 + "}",
    '"name": "echo", "arguments": {"text": "x"}, "task": {"ttl": 60000}',
    '"name": "echo", "arguments": {"text": "x"}, "task": 7',
    '"name": "echo", "arguments": {"text": "x"}, "inputResponses": 7',
    '"name": "echo", "arguments": {"text": "x"}, "inputResponses": {}',
    '"name": "echo", "arguments": {"text": "x"}, "requestState": 7',
    '"name": "echo", "arguments": {"text": "x"}, "requestState": "s"',
    '"name": "echo", "arguments": {"text": "x"}, "more": 7',
    '"name": "", "arguments": {}',
    '"name": null',
    '"name": ["echo"]',
    '"name": "Echo"',
    '"name": " echo "',
    '"arguments": {"text": "x"}',
]
ODD_IDS: list[str] = [
    '""',
    "0",
    "-1",
    "-0",
    "1.0",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1" * 5000,
    '"\\u0000"',
    '"\\ud800"',
    "false",
    "{}",
    "[1]",
    '"' + "x" * 10_000 + '"',
]
ODD_MESSAGES: list[str] = [
    '"jsonrpc": "2.0", "result": {}',
    '"jsonrpc": "2.0", "error": {"code": 1, "message": "m"}',
    '"jsonrpc": 2.0',
    '"jsonrpc": null',
    '"jsonrpc": "2.0", "method": "tools/list"',
    '"jsonrpc": "2.0", "more": NaN',
    '"jsonrpc": "2.0", "id": 2',
]
HEADERS: list[Mapping[str, str]] = [
    {"accept": "application/json"},
    {"accept": "text/event-stream"},
    {"accept": "*/*"},
    {"accept": "application/*, text/*"},
    {"accept": "application/jsonx, text/event-streamx"},
    {"accept": "Application/JSON, Text/Event-Stream"},
    {"accept": "application/json;q=0, text/event-stream;q=0"},
    {"accept": 'foo/bar;x="application/json, text/event-stream"'},
    {"accept": "xapplication/json, xtext/event-stream"},
    {"accept": ""},
    {"content-type": "application/jsonx"},
    {"content-type": "application/json-patch+json"},
    {"content-type": "Application/JSON"},
    {"content-type": "text/plain"},
    {"content-type": "application/json; charset=utf-16"},
    {"content-type": ""},
    {"mcp-protocol-version": "2099-01-01"},
    {"mcp-protocol-version": ""},
    {"mcp-protocol-version": "2024-11-05"},
    {"mcp-protocol-version": "2025-03-26"},
    {"mcp-method": "tools/list"},
    {"mcp-method": "TOOLS/CALL"},
    {"mcp-name": "talk"},
    {"mcp-name": "=?base64?ZWNobw==?="},
    {"mcp-name": "=?base64?ZWNobx==?="},
    {"mcp-name": "ECHO"},
    {"mcp-param-text": "other"},
    {"mcp-session-id": "mine"},
    {"mcp-session-id": "x" * 4000},
    {"last-event-id": "7"},
    {"authorization": "Bearer nothing"},
    {"authorization": "Basic eDp5"},
]


def spelled(
    version: str, *, meta: str = "", params: str = "", rpc: str = "", rid: str = '"one"'
) -> bytes:
    """A tools/call as text, so that its odd part stays as odd as it is."""
    if version == VERSIONS[0]:
        sound = f'"{PROTOCOL_VERSION_META_KEY}": "{version}", "{CLIENT_CAPABILITIES_META_KEY}": {{}}'
        meta = f"{sound}, {meta}" if meta else sound
    params = params or '"name": "talk", "arguments": {"words": ["a ", "b "]}'
    rpc = rpc or '"jsonrpc": "2.0"'
    text = f'"id": {rid}, "method": "tools/call", "params": {{{params}, "_meta": {{{meta}}}}}, {rpc}'
    return f"{{{text}}}".encode()


async def answered(
    http: httpx2.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], *, long: bool
) -> Any:
    """Status and messages of an answer; ``long`` shows the SDK two headers of a name."""
    more = [("x-more", "1"), ("x-more", "2")] if long else []
    answer = await http.post(url, content=body, headers=[*headers.items(), *more])
    kind = answer.headers.get("content-type", "")
    lines = answer.text.splitlines() if "event-stream" in kind else [answer.text]
    told = [line.removeprefix("data:") for line in lines if "{" in line]
    return answer.status_code, [_steady(json.loads(one)) for one in told]


def plain(version: str, name: str = "talk") -> dict[str, str]:
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": version,
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
    }
    if version == VERSIONS[0]:
        headers |= {"mcp-method": "tools/call", "mcp-name": name}
    return headers


async def differing(live: Live, messages: Mapping[str, tuple[bytes, Mapping[str, str]]]) -> list[str]:
    """The messages that the two ways answer differently, or with a failure of the server."""
    differ = []
    async with httpx2.AsyncClient(timeout=60) as http:
        for odd, (body, headers) in messages.items():
            short = await answered(http, live.url, body, headers, long=False)
            long = await answered(http, live.url, body, headers, long=True)
            if short != long or short[0] >= 500:
                differ.append(f"{odd}: {short} instead of {long}")
    return differ


@pytest.mark.parametrize("version", VERSIONS)
async def test_odd_meta(live: Live, version: str) -> None:
    sent = {meta: (spelled(version, meta=meta), plain(version)) for meta in ODD_META}
    assert await differing(live, sent) == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_odd_params(live: Live, version: str) -> None:
    sent = {
        params: (
            spelled(version, params=params),
            plain(version, "parrot" if "parrot" in params else "echo"),
        )
        for params in ODD_PARAMS
    }
    assert await differing(live, sent) == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_odd_ids_and_members(live: Live, version: str) -> None:
    sent = {rid: (spelled(version, rid=rid), plain(version)) for rid in ODD_IDS}
    sent |= {rpc: (spelled(version, rpc=rpc), plain(version)) for rpc in ODD_MESSAGES}
    assert await differing(live, sent) == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_odd_headers(live: Live, version: str) -> None:
    body = spelled(version, params='"name": "echo", "arguments": {"text": "x"}')
    sent = {str(odd): (body, plain(version, "echo") | dict(odd)) for odd in HEADERS}
    assert await differing(live, sent) == []
