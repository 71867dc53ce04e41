"""The frame of the pages: language, look, policy, caching, and that nothing is loaded from elsewhere."""

import json
import re
from importlib.resources import files

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from server.pages.routes import PAGES, page_routes

PATHS = [page.path for page in PAGES]
FIRST_LOAD_BYTES = 200_000


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=page_routes()), headers={"accept-language": "en"})


def loaded(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/assets/[^"]+)"', html)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_speaks_both_languages_and_loads_only_from_here(client: TestClient, path: str) -> None:
    english, chinese = client.get(path), client.get(path, headers={"accept-language": "zh-HK,en;q=0.5"})
    assert '<html lang="en"' in english.text
    assert '<html lang="zh-CN"' in chinese.text
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', english.text)
    assert not re.search(
        r'<script(?! type="(?:module" src=|application/json"))|\son\w+="|\sstyle="', english.text
    )
    assert 'data-text="' not in re.sub(r'data-text="\w+"[^<>]*>[^<]', "", chinese.text)


@pytest.mark.parametrize("path", PATHS)
def test_a_first_load_is_small(client: TestClient, path: str) -> None:
    html = client.get(path)
    seen, todo = set[str](), loaded(html.text)
    total = int(html.headers["content-length"])
    while todo:
        url = todo.pop()
        if url in seen:
            continue
        seen.add(url)
        answer = client.get(url)
        assert answer.status_code == 200, url
        total += int(answer.headers["content-length"])
        folder = url.rsplit("/", 1)[0]
        for name in re.findall(r'from "(\.[^"]+)"', answer.text):
            todo.append(str(answer.url.join(f"{folder}/{name}").path))
    assert total < FIRST_LOAD_BYTES


def test_the_language_that_is_asked_for_is_kept(client: TestClient) -> None:
    path = PATHS[0]
    assert '<html lang="zh-CN"' in client.get(path, params={"lang": "zh-CN"}).text
    assert '<html lang="zh-CN"' in client.get(path).text
    assert '<html lang="en"' in client.get(path, params={"lang": "en"}).text
    client.cookies.clear()


@pytest.mark.parametrize(
    "hostile", ["", "*", "zz", ";q=", "zh;q=x", "zh;q=0", '"><script>', "a," * 5000, "\u00e9"]
)
def test_an_odd_header_is_answered_in_english(client: TestClient, hostile: str) -> None:
    answer = client.get(
        PATHS[0],
        params={"lang": hostile[:50]},
        headers=[(b"accept-language", hostile.encode()), (b"cookie", b'batchin_theme="><b>')],
    )
    assert answer.status_code == 200
    assert '<html lang="en" data-theme="auto">' in answer.text


def test_what_pages_load_is_kept_for_ever_and_the_page_itself_is_asked_for_again(
    client: TestClient,
) -> None:
    html = client.get(PATHS[0])
    again = client.get(PATHS[0], headers={"if-none-match": html.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    asset = loaded(html.text)[0]
    answer = client.get(asset)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    plain = client.get(asset, headers={"accept-encoding": "identity"})
    assert plain.text == answer.text
    assert "content-encoding" not in plain.headers
    older = re.sub(r"/assets/\w+/", "/assets/000000000000/", asset)
    assert client.get(older).headers["cache-control"] == "no-store"
    for outside in (
        "/assets/x/nothing.js",
        "/assets/x/../routes.py",
        "/assets/x/page.py",
        "/assets/x/%2e%2e/page.py",
    ):
        assert client.get(outside).status_code == 404


def test_the_policy_allows_no_other_host_and_no_inline_code(client: TestClient) -> None:
    policy = client.get(PATHS[0]).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_details_that_are_translated_are_those_that_the_checks_tell() -> None:
    folder = files("server.pages").joinpath("verify")
    scripts = ("checks.js", "shape.js", "json.js")
    told = "".join(folder.joinpath(name).read_text() for name in scripts)
    told = re.sub(r"\$\{[^{}]*\}", "{}", told)
    texts = json.loads(folder.joinpath("texts.json").read_text())
    assert texts["en"]["details"] == {}
    details = texts["zh"]["details"]
    assert len(details) > 60
    unknown = []
    for detail, sentence in details.items():
        said = re.sub(r"\{\w+\}", "{}", detail)
        said = said.removeprefix("It is not JSON: ").removesuffix(" at character {}.")
        if not any(f"{quote}{said}{quote}" in told for quote in '"`'):
            unknown.append(detail)
        assert set(re.findall(r"\{\w+\}", detail)) == set(re.findall(r"\{\w+\}", sentence))
    assert unknown == []
