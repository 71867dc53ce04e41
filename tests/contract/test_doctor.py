"""The doctor against a server that tells one untruth: it says which, and why."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.doctor.examine import server_at
from server.doctor.finding import Finding
from tests.contract.mcp.conftest import served
from tests.live import LiveServer

Change = Callable[[Any], Any]
_DROPPED = frozenset(("content-length", "transfer-encoding", "connection", "etag"))


@asynccontextmanager
async def told_wrong(server: LiveServer, changes: Mapping[str, Change]) -> AsyncIterator[str]:
    """The server behind an address of its own, but for JSON documents that somebody changed by hand."""

    async def endpoint(request: Request) -> Response:
        body = (await request.body()).replace(base.encode(), server.url.encode())
        answer = await http.request(
            request.method,
            request.url.path,
            content=body,
            headers={name: value for name, value in request.headers.items() if name not in _HOP},
        )
        content = answer.content.replace(server.url.encode(), base.encode())
        change = changes.get(request.url.path)
        if change is not None:
            content = json.dumps(change(json.loads(content))).encode()
        headers = {name: value for name, value in answer.headers.items() if name not in _DROPPED}
        return Response(content, answer.status_code, headers)

    app = Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "POST"])])
    async with (
        httpx2.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as http,
        served(app) as base,
    ):
        yield base


_HOP = frozenset(("host", "content-length", "accept-encoding", "connection"))


async def troubles(server: LiveServer, changes: Mapping[str, Change]) -> list[Finding]:
    async with told_wrong(server, changes) as url:
        return [finding for finding in await server_at(url) if finding.is_trouble]


def with_member(name: str, value: Any) -> Change:
    return lambda document: {**document, name: value}


def _another_price(document: Any) -> Any:
    first, *rest = document["models"]
    return {**document, "models": [{**first, "input": "77.00"}, *rest]}


def _another_payee(document: Any) -> Any:
    return {**document, "payment": {**document["payment"], "pay_to": "0x" + "66" * 20}}


def _without_a_resource(document: Any) -> Any:
    return {**document, "resources": document["resources"][1:]}


def _another_key(document: Any) -> Any:
    (method, *rest) = document["verificationMethod"]
    jwk = {**method["publicKeyJwk"], "x": "A" * 43}
    return {**document, "verificationMethod": [{**method, "publicKeyJwk": jwk}, *rest]}


def _another_host(document: Any) -> Any:
    text = json.dumps(document)
    return json.loads(text.replace("/v1/mcp/server-card", "/v1/mcp/card"))


def _another_output(document: Any) -> Any:
    models = document["components"]["schemas"]["ModelsOutput"]
    models["required"] = [*models["required"], "colour"]
    return document


@pytest.mark.parametrize(
    ("path", "change", "what", "why"),
    [
        ("/v1/pricing", _another_price, "/v1/pricing and /v1/models name the same prices", "smollm2"),
        ("/.well-known/x402", _another_payee, "MCP tool chat asks for money in a valid way", "payTo"),
        ("/.well-known/x402", _without_a_resource, "x402 names /v1/chat/completions while", "False"),
        ("/.well-known/did.json", _another_key, "the key that signs now", "0000"),
        ("/.well-known/ai-catalog.json", _another_host, "ai-catalog.json leads nowhere wrong", "card"),
        ("/v1/mcp/server-card", with_member("version", "9.9.9"), "name one version", "9.9.9"),
        ("/server.json", with_member("remotes", []), "/server.json is an entry", "[]"),
        ("/.well-known/agent-registration.json", with_member("x402Support", False), "true", "x402"),
        ("/openapi.json", _another_output, "GET /v1/models answers as declared", "colour"),
        (
            "/.well-known/agent-skills/index.json",
            lambda index: {"skills": [{**index["skills"][0], "digest": "sha256:00"}]},
            "has its digest",
            "sha256:",
        ),
    ],
)
async def test_a_manifest_broken_by_hand_is_found(
    live_server: LiveServer, path: str, change: Change, what: str, why: str
) -> None:
    found = await troubles(live_server, {path: change})
    assert any(what in finding.what and why in finding.seen for finding in found), found


async def test_behind_another_address_that_nobody_changed_nothing_is_wrong(
    live_server: LiveServer,
) -> None:
    found = await troubles(live_server, {})
    digest = [finding for finding in found if "digest" in finding.what]
    assert found == digest  # the address stands in the skill, and its digest is of the true one


async def test_an_address_that_is_not_the_servers_is_untrue(live_server: LiveServer) -> None:
    elsewhere = with_member("servers", [{"url": "http://127.0.0.1:9"}])
    found = await troubles(live_server, {"/openapi.json": elsewhere})
    assert any(finding.what == "OpenAPI names the address of this server" for finding in found)
