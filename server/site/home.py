"""The first page of the documentation."""

from html import escape

from server.pages.language import Language
from server.site.contents import GROUPS, PAGES
from server.site.library import Library
from server.site.shell import Link, View
from server.site.texts import words

_ADDRESSES = (
    ("OpenAPI", "/openapi.json"),
    ("API", "/v1"),
    ("MCP", "/v1/mcp"),
    ("llms.txt", "/llms.txt"),
    ("agents.md", "/agents.md"),
)


def home(library: Library, base_url: str, language: Language) -> View:
    """What there is, and under which addresses this server is used."""
    say = words(language)
    groups = dict(library.side(language))
    cards = "".join(_card(title, groups[title]) for title in (say[group] for group in GROUPS))
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd><code>{escape(base_url + path)}</code></dd></div>"
        for name, path in _ADDRESSES
    )
    html = (
        f'<h1>{escape(say["home_title"])}</h1>\n<p class="lead">{escape(say["home_lead"])}</p>\n'
        f'<div class="cards">{cards}</div>\n'
        f'<h2>{escape(say["this_server"])}</h2>\n<dl class="facts">{rows}</dl>\n'
    )
    first = PAGES[0]
    name = first.title if language is Language.ENGLISH else first.chinese
    return View("/docs", say["home_title"], html, library.side(language), next=Link(first.path, name))


def _card(title: str, links: list[Link]) -> str:
    items = "".join(f'<li><a href="{escape(link.path)}">{escape(link.title)}</a></li>' for link in links)
    return f'<section class="card"><h2>{escape(title)}</h2><ul>{items}</ul></section>'
