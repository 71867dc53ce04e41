"""What stands around the text of a page: the search, other pages, its sections, next and before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from server.pages.language import Language
from server.site.texts import words

_FEWEST: Final = 2


@dataclass(frozen=True, slots=True)
class Link:
    """A place to go to."""

    path: str
    title: str


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows: ``html`` is escaped already. ``side`` leads to the other pages, by group,
    ``toc`` within this one."""

    path: str
    title: str
    html: str
    side: Sequence[tuple[str, Sequence[Link]]] = ()
    toc: Sequence[Link] = ()
    previous: Link | None = None
    next: Link | None = None


def framed(view: View, language: Language) -> str:
    """What stands in ``main``."""
    if not view.side:
        return f"<article>\n{view.html}\n</article>"
    say = {name: escape(text) for name, text in words(language).items()}
    return (
        f'<div class="frame">\n{_side(view, say)}<div>\n<article>\n{view.html}\n</article>\n'
        f"{_steps(view, say)}</div>\n{_toc(view, say)}</div>"
    )


def _side(view: View, say: Mapping[str, str]) -> str:
    groups = "".join(
        f"<h2>{escape(name)}</h2><ul>{''.join(_item(link, view.path) for link in links)}</ul>"
        for name, links in view.side
    )
    return (
        f'<div class="side"><div class="find"><input id="search" type="search" role="combobox" '
        f'aria-expanded="false" aria-controls="found" aria-autocomplete="list" autocomplete="off" '
        f'aria-label="{say["search"]}" placeholder="{say["search"]}  /">'
        f'<ul id="found" role="listbox" aria-label="{say["found"]}" hidden></ul></div>'
        f'<nav aria-label="{say["menu"]}"><details open><summary>{say["menu"]}</summary>{groups}'
        "</details></nav></div>\n"
    )


def _item(link: Link, here: str) -> str:
    current = ' aria-current="page"' if link.path == here else ""
    return f'<li><a href="{escape(link.path)}"{current}>{escape(link.title)}</a></li>'


def _steps(view: View, say: Mapping[str, str]) -> str:
    steps = [
        f'<a class="{word}" href="{escape(link.path)}"><span>{say[word]}</span> {escape(link.title)}</a>'
        for word, link in (("previous", view.previous), ("next", view.next))
        if link is not None
    ]
    return f'<nav class="steps" aria-label="{say["steps"]}">{"".join(steps)}</nav>\n' if steps else ""


def _toc(view: View, say: Mapping[str, str]) -> str:
    if len(view.toc) < _FEWEST:
        return ""
    items = "".join(_item(link, "") for link in view.toc)
    title = say["on_page"]
    return f'<nav class="toc" aria-label="{title}"><h2>{title}</h2><ul>{items}</ul></nav>\n'
