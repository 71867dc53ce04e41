"""The routes of documents: validators, caching, origins, methods."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from manifests.document import json_document
from server.control import control_plane
from server.documents import document_routes

DOCUMENT = json_document({"a": 1}, "application/mcp-server-card+json")


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(control_plane(document_routes({"/doc": DOCUMENT}))) as client:
        yield client


def test_a_document_is_served_with_what_caches_and_browsers_need(client: TestClient) -> None:
    answer = client.get("/doc", headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 200
    assert answer.content == DOCUMENT.body
    assert answer.headers["content-type"] == "application/mcp-server-card+json"
    assert answer.headers["etag"] == DOCUMENT.etag
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "condition", [DOCUMENT.etag, f"W/{DOCUMENT.etag}", f'"other", {DOCUMENT.etag}', "*"]
)
def test_what_the_client_has_is_not_sent_again(client: TestClient, condition: str) -> None:
    answer = client.get("/doc", headers={"if-none-match": condition})
    assert answer.status_code == 304
    assert answer.content == b""
    assert answer.headers["etag"] == DOCUMENT.etag


def test_another_validator_gets_the_document(client: TestClient) -> None:
    assert client.get("/doc", headers={"if-none-match": '"other"'}).status_code == 200


def test_head_has_the_headers_of_get(client: TestClient) -> None:
    got, head = client.get("/doc"), client.head("/doc")
    assert head.status_code == 200
    for name in ("content-type", "content-length", "etag", "cache-control"):
        assert head.headers[name] == got.headers[name]


def test_a_preflight_is_answered(client: TestClient) -> None:
    answer = client.options("/doc", headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "If-None-Match" in answer.headers["access-control-allow-headers"]


def test_another_method_is_refused_in_the_documented_shape(client: TestClient) -> None:
    answer = client.post("/doc")
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_not_allowed"
    assert "GET" in answer.headers["allow"]


def test_the_home_page_leads_to_the_rest() -> None:
    with TestClient(control_plane(document_routes({"/": DOCUMENT, "/doc": DOCUMENT}))) as client:
        link = client.get("/").headers["link"]
        assert "link" not in client.get("/doc").headers
    for relation in ("service-desc", "service-doc", "api-catalog", "status"):
        assert f'rel="{relation}"' in link
