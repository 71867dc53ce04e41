"""The documents can't rot: nothing undocumented, nothing stale, no dead link, no unmarked block."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from base.settings import Settings
from manifests.errors import WHEN, all_errors
from scripts.errors_page import public_errors
from scripts.render import pages, standard

ROOT = Path(__file__).parents[2]
CHINESE = sorted((ROOT / "docs" / "zh").glob("*.md"))
MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *CHINESE])
RUN_HERE = {"python", "sh", "ts"}  # as they stand, by tests/contract/test_docs_examples.py
RUN_BY_THEIR_OWN_TEST = {"py"}
SHOWN = {"console", "json", "toml", "ini", "mermaid", "text"}
LANGUAGES = RUN_HERE | RUN_BY_THEIR_OWN_TEST | SHOWN
STANDARD = standard()
PAGES = pages(STANDARD)


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_a_rendered_page_is_fresh(path: str) -> None:
    shown = ROOT / path
    assert shown.exists(), f"{path} is missing: run .venv/bin/python scripts/render.py"
    assert shown.read_text() == PAGES[path], f"{path} is stale: run .venv/bin/python scripts/render.py"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_documented(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.description, f"{name} has no description"
    assert field.description.endswith("."), name
    line = next(x for x in PAGES["docs/configuration.md"].splitlines() if x.startswith(f"| `{name}` "))
    assert f"`BATCHIN_{name.upper()}`" in line


def test_every_error_is_documented_and_nothing_else() -> None:
    errors = public_errors()
    codes = {error.code for error in errors}
    assert codes <= set(WHEN)
    text = PAGES["docs/errors.md"]
    for error in errors:
        assert re.search(rf"^\| `{error.code}` \| {error.status} \|", text, re.MULTILINE), error
        assert str(error.resolution).strip(), error


def test_an_error_that_operations_promise_is_raised_somewhere() -> None:
    folders = ("server", "settlement", "tools", "runtime", "storage")
    source = "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.py"))
    for error in all_errors(STANDARD.operations):
        assert re.search(rf"\b{error.__name__}\b", source), error


def test_every_tool_and_route_is_documented() -> None:
    for tool in STANDARD.registry:
        assert f"\n## {tool.name}\n" in PAGES["docs/tools.md"]
        assert tool.examples, f"{tool.name} has no example"
        for name, field in tool.Input.model_fields.items():
            assert f"| `{field.alias or name}` |" in PAGES["docs/tools.md"], name
    for operation in STANDARD.operations:
        assert f"`{operation.method} {operation.path}`" in PAGES["docs/http.md"]


@pytest.mark.parametrize("page", CHINESE, ids=lambda path: path.name)
def test_a_translation_shows_the_same_blocks(page: Path) -> None:
    """What runs is the same, word by word: programs of the English page are run. Of what is only to be
    read, comments may be translated."""
    english, chinese = (blocks(path) for path in (ROOT / "docs" / page.name, page))
    assert [block.split("\n")[0] for block in chinese] == [block.split("\n")[0] for block in english]
    for told, original in zip(chinese, english, strict=True):
        if told.startswith(tuple(f"```{language}\n" for language in RUN_HERE)):
            assert told == original
        assert _without_comments(told) == _without_comments(original)


def test_the_chinese_page_of_errors_has_every_error() -> None:
    row = r"^\| `(\w+)` \| (\d+) \|"
    english, chinese = (
        re.findall(row, path.read_text(), re.MULTILINE)
        for path in (ROOT / "docs" / "errors.md", ROOT / "docs" / "zh" / "errors.md")
    )
    assert chinese == english, "docs/zh/errors.md: a row for each row of docs/errors.md, in its order"


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    heads = re.findall(r"^#+ (.+)$", _without_blocks(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(path: Path) -> Iterator[str]:
    yield from re.findall(r"\]\(([^)\s]+)\)", _without_blocks(path.read_text()))


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in links(path):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        target, _, anchor = link.partition("#")
        page = (path.parent / target).resolve() if target else path
        assert page.exists(), link
        assert page.is_relative_to(ROOT), link
        if anchor and page.suffix == ".md":
            assert anchor in anchors(page), link


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_says_what_it_is(path: Path) -> None:
    opening = True
    for line in path.read_text().splitlines():
        if line.startswith("```"):
            if opening:
                assert line.removeprefix("```").partition(" ")[0] in LANGUAGES, line
            opening = not opening
    assert opening, "a block is not closed"


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```.*?^```", path.read_text(), re.MULTILINE | re.DOTALL)


def _without_comments(block: str) -> list[str]:
    return [re.sub(r"(^|\s+)#.*$", "", line) for line in block.splitlines()]


def _without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
