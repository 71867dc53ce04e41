"""The head of a request: credentials, hosts, origins, methods, sizes."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from base.errors import Forbidden
from base.settings import Settings
from server.mcp.hosts import Hosts, Misdirected
from tests.contract.mcp.conftest import Live, door_of
from tests.contract.mcp.pack import KEY, Stage
from tests.stores import fresh_store
from tools.tasks.tables import TABLES as TASKS

ECHO: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "echo", "arguments": {"text": "hi"}},
}


@pytest.mark.parametrize(
    "authorization", ["Bearer batchin_api_wrong", "Basic abc", "Bearer", "Bearer a b"]
)
async def test_a_wrong_credential_is_401_before_the_message_is_read(
    live: Live, authorization: str
) -> None:
    answer = await live.post(b"{not even json", authorization=authorization)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_two_credentials_are_refused(live: Live) -> None:
    headers = [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {KEY}")]
    async with httpx2.AsyncClient() as http:
        answer = await http.post(live.url, json=ECHO, headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
async def test_other_methods_are_405(live: Live, method: str) -> None:
    async with httpx2.AsyncClient() as http:
        answer = await http.request(method, live.url)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json()["error"]["code"] == "method_not_allowed"


async def test_a_foreign_host_is_421_and_a_foreign_origin_403(live: Live) -> None:
    assert (await live.post(ECHO, host="evil.example")).status_code == 421
    assert (await live.post(ECHO, origin="http://evil.example")).status_code == 403
    assert (await live.post(ECHO, origin="http://localhost:3000")).status_code == 200
    assert (await live.post(ECHO, host="batchin.test")).status_code == 200


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8402", True),
        ("localhost:1", True),
        ("[::1]:8402", True),
        ("API.example.com", True),
        ("api.example.com:443", True),
        ("inside:9000", True),
        ("localhost.evil.example", False),
        ("localhost:evil", False),
        ("evil.example:8402", False),
        ("", False),
    ],
)
def test_the_hosts_of_loopback_of_the_public_url_and_of_the_settings(host: str, allowed: bool) -> None:
    settings = Settings(allowed_hosts=("inside",), allowed_origins=("https://app.example.com",))
    hosts = Hosts(settings, "https://api.example.com")
    if allowed:
        hosts.check(host, "https://app.example.com")
        return
    with pytest.raises(Misdirected):
        hosts.check(host, None)


def test_origins_are_compared_whole() -> None:
    hosts = Hosts(Settings(), "https://api.example.com")
    for origin in ("https://api.example.com", "http://[::1]:6274"):
        hosts.check("localhost", origin)
    for origin in ("http://api.example.com", "https://api.example.com.evil", "null", "file://"):
        with pytest.raises(Forbidden):
            hosts.check("localhost", origin)


async def test_a_body_over_the_limit_is_413(live: Live) -> None:
    answer = await live.post(b'{"x":"' + b"a" * 8_400_000 + b'"}')
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"


async def test_bad_json_is_a_parse_error(live: Live) -> None:
    for headers in ({}, {"mcp_protocol_version": "2026-07-28"}):
        answer = await live.post(b"{", **headers)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == -32700


async def test_a_closed_door_is_503(stage: Stage, tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TASKS) as store:
        door = door_of(stage, "http://batchin.test", store)
        transport = httpx2.ASGITransport(app=door)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answer = await http.post("/v1/mcp", json=ECHO)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


async def test_a_handshake_client_is_named_and_a_modern_one_is_not(live: Live) -> None:
    first = await live.post(ECHO)
    assert len(first.headers["mcp-session-id"]) == 32
    again = await live.post(ECHO, mcp_session_id=first.headers["mcp-session-id"])
    assert again.status_code == 200
    assert "mcp-session-id" not in again.headers
    modern = await live.post(ECHO, mcp_protocol_version="2026-07-28")
    assert "mcp-session-id" not in modern.headers


@pytest.mark.parametrize("twice", [False, True], ids=["short way", "SDK"])
async def test_a_message_may_be_large_for_the_file_in_it_alone(live: Live, twice: bool) -> None:
    headers = {"authorization": f"Bearer {KEY}", "mcp_protocol_version": "2025-11-25"}
    if twice:
        headers["accept"] = "*/*"

    async def answered(words: list[str]) -> httpx2.Response:
        params = {"name": "talk", "arguments": {"words": words}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return await live.post(message, **headers)

    assert "isError" in (await answered(["a" * 5_000_000])).text
    assert (await answered(["a"] * 700_000)).json()["error"]["code"] == "payload_too_large"
    assert (await answered(["a" * 9_000_000])).status_code == 413
