"""The documentation: every page is there, every link leads somewhere, nothing of a source is code."""

import re
from collections.abc import Iterator
from typing import Any, cast

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from server.control import control_plane
from server.pages.routes import page_routes
from server.site.contents import PAGES
from server.site.library import Library
from server.site.markdown import render
from server.site.routes import Site, SiteParts
from server.site.sources import sources
from tests.unit.manifests import sample

BASE = "https://agents.example"
ENGINE = {"id": "one", "state": "down", "models": ["m"], "running": 1, "queued": 2, "restarts": 3}
STATUS: dict[str, Any] = {
    "status": "degraded",
    "as_of": "2026-11-25T00:00:00Z",
    "store": "ok",
    "engines": [ENGINE],
    "settlement": {"state": "ok", "networks": ["eip155:8453"], "unsettled": 0},
    "log": {
        "state": "ok",
        "size": 7,
        "checkpoint_at": "2026-11-25T00:00:00Z",
        "waiting": 0,
        "anchors_on": None,
        "anchors": False,
    },
    "incidents": [
        {
            "id": "inc_1",
            "component": "engine:one",
            "state": "down",
            "began_at": "2026-11-25T00:00:00Z",
            "ended_at": None,
        }
    ],
}
COMPUTE = {
    "as_of": "2026-11-25T00:00:00Z",
    "data": [{"kind": None, "count": 8, "memory_gib": None, "lanes": ["private"], "region": "eu"}],
}


class Told:
    """What the status tells."""

    async def report(self) -> tuple[dict[str, Any], int]:
        return STATUS, 200

    def inventory(self) -> dict[str, Any]:
        return COMPUTE


async def models(request: Request) -> Response:
    """As the real ones: what they do not know of is refused."""
    if request.headers or request.query_params:
        return JSONResponse({"error": {"code": "invalid_request"}}, 400)
    return JSONResponse({"data": [{"id": "talker", "status": "always_on", "created": 1_790_000_000}]})


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    parts = SiteParts(BASE, sample.rendered(), cast("Any", Told()), models)
    routes = page_routes(lambda shell: Site(parts, shell).routes())
    with TestClient(control_plane(routes), headers={"accept-language": "en"}) as client:
        yield client


def links(html: str) -> set[str]:
    return set(re.findall(r'(?:href|src)="(/(?:docs|status|models|compute)[^"]*)"', html))


def test_every_link_of_every_page_leads_somewhere(client: TestClient) -> None:
    seen, todo = dict[str, str](), ["/docs", "/status", "/models", "/compute"]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        answer = client.get(path)
        assert answer.status_code == 200, path
        seen[path] = answer.text if "html" in answer.headers["content-type"] else ""
        todo += {link.partition("#")[0] for link in links(seen[path])}
    written = {page.path for page in PAGES if sources().joinpath("docs", f"{page.slug}.md").is_file()}
    assert written <= set(seen)
    assert len(seen) > len(written) + 80
    for path, html in seen.items():
        here = set(re.findall(r'href="(#[^"]*)"', html))
        for link in {*links(html), *(path + link for link in here)}:
            target, _, anchor = link.partition("#")
            if anchor and seen.get(target):
                assert f'id="{anchor}"' in seen[target], (path, link)


def test_the_documentation_is_all_there() -> None:
    docs = [file.name for file in sources().joinpath("docs").iterdir() if file.name.endswith(".md")]
    shown = [f"{page.slug}.md" for page in Library(sources(), BASE).pages]
    assert sorted(shown) == sorted(docs)


def test_programs_on_the_pages_call_this_server(client: TestClient) -> None:
    page = client.get("/docs/quickstart").text
    assert f"{BASE}/v1" in re.sub(r"<[^>]+>", "", page)
    assert "127.0.0.1:8402" not in page
    assert page.count('data-tab="') == 3
    assert f"{BASE}/v1/mcp" in client.get("/docs").text


def test_what_is_not_there_is_404_and_nothing_leads_out_of_the_folder(client: TestClient) -> None:
    for path in (
        "/docs/nothing",
        "/docs/api/nothing",
        "/docs/examples/nothing.py",
        "/docs/examples/..%2Fpyproject.toml",
        "/docs/pictures/..%2F..%2Fpyproject.toml",
        "/docs/pictures/quickstart.md",
        "/docs/pictures/%2Fetc%2Fx.png",
        "/docs/pictures/nothing.png",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path


def test_the_search_finds_sections_and_routes(client: TestClient) -> None:
    answer = client.get("/docs/search.json")
    rows = orjson.loads(answer.content)
    assert int(answer.headers["content-length"]) < 100_000
    found = {row["u"] for row in rows}
    assert {"/docs/quickstart#for-agents", "/docs/api/createChatCompletion", "/docs/receipts"} <= found


def test_a_route_has_its_own_page_with_a_request_to_try(client: TestClient) -> None:
    page = client.get("/docs/api/createChatCompletion").text
    assert 'data-method="POST" data-path="/v1/chat/completions" data-kind="application/json" ' in page
    assert 'name="key" type="password"' in page
    assert "payment_required" in page
    form = client.get("/docs/api/createTranscription").text
    assert 'type="file" name="file:file"' in form
    public = client.get("/docs/api/getVerification").text
    assert 'name="path:id"' in public
    assert 'name="key"' not in public


def test_figures_are_shown_in_both_languages(client: TestClient) -> None:
    status, chinese = client.get("/status").text, client.get("/status?lang=zh").text
    client.cookies.clear()
    assert "Something does not serve" in status
    assert "engine:one" in status
    assert "it lasts" in status
    assert "部分服务异常" in chinese
    assert "not reported" in client.get("/compute").text
    priced = client.get("/models").text
    assert "0.02 per 1M input tokens" in priced
    assert "always_on" in priced
    assert "2026-09-21" in client.get("/docs/changelog").text
    assert client.get("/pricing", follow_redirects=False).headers["location"] == "/models"


@pytest.mark.parametrize("path", ["/docs/prompts", "/docs/experiments"])
def test_what_the_api_names_as_its_documentation_is_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.url.path == "/docs/prompts"


def test_a_page_without_a_translation_says_so(client: TestClient) -> None:
    assert "本页目前只有英文版" in client.get("/docs/http?lang=zh").text
    chinese = client.get("/docs/quickstart?lang=zh").text
    assert 'id="面向智能体"' in chinese
    assert "本页目前只有英文版" not in chinese
    assert 'href="/docs/examples/http_x402.py"' in chinese
    client.cookies.clear()


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        '![x](x" onerror="alert(1))',
        "# <img src=x onerror=alert(1)>",
        "```<b>\n<script>alert(1)</script>\n```",
        "`<script>`",
    ],
)
def test_markup_in_a_source_is_shown_and_not_run(source: str) -> None:
    html = render(source, lambda target: target).html
    assert "<script" not in html
    assert "<img src=x" not in html
    assert 'href="javascript:' not in html
    assert 'onerror="' not in html.replace("&quot;", "")
