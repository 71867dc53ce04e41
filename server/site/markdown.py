"""Markdown to HTML: anchors, highlighted programs, links within the site, sections for the search.

HTML in a source is shown, not taken: a page holds no markup but ours.
"""

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from pygments import highlight  # type: ignore[import-untyped] # has no stubs
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped] # has no stubs
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped] # has no stubs
from pygments.util import ClassNotFound  # type: ignore[import-untyped] # has no stubs

LANGUAGES: Final = ("Python", "TypeScript", "curl")
"""Sections of these titles are one choice: the page shows them as tabs."""
_LEXERS: Final = {"sh": "bash", "console": "console", "ts": "typescript", "py": "python", "text": "text"}
_WHEN_SEEN: Final[Mapping[str, Mapping[str, str]]] = {"src": {"loading": "lazy", "decoding": "async"}}
"""A picture is loaded when its reader comes near it."""
_FORMATTER: Final = HtmlFormatter(nowrap=True)
Link = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading: its level, its text, the id that links name, and the words below it."""

    level: int
    title: str
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page: its title, its HTML and its sections in their order, the title's among them."""

    title: str
    html: str
    sections: tuple[Section, ...]


def anchor_of(title: str) -> str:
    """As forges make them, so that links in the sources hold on both."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def render(text: str, link: Link) -> Rendered:
    """``link`` gives the address of a relative link, None where it leads out of the site."""
    parser = _parser()
    tokens = parser.parse(text)
    _lead(tokens, link)
    sections = tuple(_sections(tokens))
    env: MutableMapping[str, Any] = {}
    parts = (parser.renderer.render(part, parser.options, env) for part in _grouped(tokens))
    title = next((section.title for section in sections), "")
    return Rendered(title, "".join(parts), sections)


def shown(code: str, language: str) -> str:
    """A block of code."""
    try:
        lexer = get_lexer_by_name(_LEXERS.get(language, language))
        marked = highlight(code, lexer, _FORMATTER)
    except ClassNotFound:
        marked = escape(code)
    label = escape(language or "text")
    inner = f'<pre tabindex="0"><code>{marked}</code></pre>'
    return f'<div class="code" data-language="{label}">{inner}</div>\n'


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("heading_open", _heading)
    parser.add_render_rule("table_open", lambda *_: '<div class="table" tabindex="0"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return parser


def _fence(
    _: RendererHTML, tokens: Sequence[Token], at: int, __: OptionsDict, ___: MutableMapping[str, Any]
) -> str:
    return shown(tokens[at].content, tokens[at].info.partition(" ")[0])


def _heading(
    _: RendererHTML, tokens: Sequence[Token], at: int, __: OptionsDict, ___: MutableMapping[str, Any]
) -> str:
    anchor = anchor_of(_text(tokens[at + 1]))
    return f'<{tokens[at].tag} id="{escape(anchor)}">'


def _text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or () if child.type != "image")


def _lead(tokens: Sequence[Token], link: Link) -> None:
    """Rewrite what is relative; a link that leads out of the site becomes its text."""
    for token in tokens:
        for child in token.children or ():
            name = {"link_open": "href", "image": "src"}.get(child.type)
            target = str(child.attrs.get(name, "")) if name else ""
            if not name or re.match(r"[a-z]+:", target):
                continue
            led = link(target)
            child.attrs = {} if led is None else {**child.attrs, name: led, **_WHEN_SEEN.get(name, {})}


def _sections(tokens: Sequence[Token]) -> Iterator[Section]:
    heads = [at for at, token in enumerate(tokens) if token.type == "heading_open"]
    for at, end in zip(heads, [*heads, len(tokens)][1:], strict=True):
        title = _text(tokens[at + 1])
        words = (_text(token) for token in tokens[at + 2 : end] if token.type == "inline")
        level = int(tokens[at].tag[1])
        yield Section(level, title, anchor_of(title), " ".join(words))


def _grouped(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens, with marks around sections that are one choice."""
    choosing = False
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            title = _text(tokens[at + 1])
            chosen = title in LANGUAGES
            if choosing:
                yield [_raw("</section>\n")]
            if chosen and not choosing:
                yield [_raw('<div class="tabs">\n')]
            if choosing and not chosen:
                yield [_raw("</div>\n")]
            if chosen:
                yield [_raw(f'<section data-tab="{escape(title)}">\n')]
            choosing = chosen
        if token.type == "heading_open":
            yield [*tokens[at : at + 3]]
        elif at and token.type in ("inline", "heading_close") and _in_heading(tokens, at):
            continue
        else:
            yield [token]
    if choosing:
        yield [_raw("</section></div>\n")]


def _in_heading(tokens: Sequence[Token], at: int) -> bool:
    return tokens[at].type == "heading_close" or tokens[at - 1].type == "heading_open"


def _raw(html: str) -> Token:
    return Token("html_block", "", 0, content=html)
