"""The frame of every page: head, header with the other pages, footer, and the policy of its answer."""

import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from server.pages.assets import Assets, Packed
from server.pages.language import (
    LANGUAGE_COOKIE,
    Language,
    Theme,
    asked_language,
    language_of,
    theme_of,
)
from server.pages.page import Page, Texts
from server.web.conditional import matches
from server.web.methods import Endpoint

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_YEAR_S: Final = 31_536_000
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "vary": "accept-language, cookie",
}


class Shell:
    """Draws pages. ``pages`` are those that the header leads to."""

    def __init__(self, pages: Sequence[Page], assets: Assets) -> None:
        kit = files("server.pages").joinpath("kit")
        self._frame = Template(kit.joinpath("frame.html").read_text("utf-8"))
        texts = json.loads(kit.joinpath("texts.json").read_text("utf-8"))
        self._texts: dict[Language, Texts] = {language: texts[language.value] for language in Language}
        self._paths = {page.path for page in pages}
        self._assets = assets
        self._drawn: dict[tuple[str, Language, Theme], Packed] = {}

    def endpoint(self, page: Page) -> Endpoint:
        """Serves a page whose body does not change while the server runs."""

        async def endpoint(request: Request) -> Response:
            language, theme = language_of(request), theme_of(request)
            drawn = self._drawn.get((page.path, language, theme))
            if drawn is None:
                drawn = Packed.of(self._html(page, page.path, page.body(language), language, theme))
                self._drawn[page.path, language, theme] = drawn
            return self._answer(request, drawn)

        return endpoint

    def respond(self, request: Request, page: Page, body: str, title: str = "") -> Response:
        """Answers with a body that was drawn for this request, in ``language_of(request)``.

        ``body`` is HTML: whatever it shows of others was escaped.
        """
        language, theme = language_of(request), theme_of(request)
        html = self._html(page, request.url.path, body, language, theme, title)
        return self._answer(request, Packed.of(html))

    def _answer(self, request: Request, packed: Packed) -> Response:
        etag = f'W/"{hashlib.sha256(packed.plain).hexdigest()[:20]}"'
        headers = {**_HEADERS, "etag": etag}
        asked = asked_language(request)
        if asked is not None:
            headers["set-cookie"] = (
                f"{LANGUAGE_COOKIE}={asked.value}; Path=/; Max-Age={_YEAR_S}; SameSite=Lax"
            )
        if matches(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        return packed.answer(request, headers)

    def _html(
        self, page: Page, path: str, body: str, language: Language, theme: Theme, title: str = ""
    ) -> bytes:
        texts, kit = page.texts[language], self._texts[language]
        told = json.dumps({"kit": kit["script"], "page": texts}, ensure_ascii=False)
        html = self._frame.substitute(
            language=language.tag,
            theme=theme.value,
            title=escape(title or texts["title"]),
            description=escape(texts["description"]),
            styles="".join(self._style(name) for name in ("kit/kit.css", *_own(page, "page.css"))),
            scripts="".join(self._script(name) for name in ("kit/kit.js", *_own(page, "page.js"))),
            texts=told.replace("<", "\\u003c"),
            skip=escape(kit["skip"]),
            pages=escape(kit["pages"]),
            theme_label=escape(kit["theme"]),
            nav=self._links(kit["nav"], path),
            languages=_languages(language),
            foot=escape(kit["foot"]),
            footer=self._links(kit["nav"], path) + _plain(kit["more"]),
            body=body,
        )
        return html.encode()

    def _links(self, names: Texts, path: str) -> str:
        """The pages that are served, with the one that is shown marked."""
        return "".join(
            f'<a href="{target}"{_current(target, path)}>{escape(name)}</a>'
            for target, name in names.items()
            if target in self._paths
        )

    def _style(self, name: str) -> str:
        return f'<link rel="stylesheet" href="{self._assets.url(name)}">\n'

    def _script(self, name: str) -> str:
        return f'<script type="module" src="{self._assets.url(name)}"></script>\n'


def _own(page: Page, name: str) -> Sequence[str]:
    return [f"{page.folder}/{name}"] if page.has(name) else []


def _current(target: str, path: str) -> str:
    if path == target:
        return ' aria-current="page"'
    return ' aria-current="true"' if path.startswith(target + "/") else ""


def _plain(links: Texts) -> str:
    return "".join(f'<a href="{target}">{escape(name)}</a>' for target, name in links.items())


def _languages(current: Language) -> str:
    return "".join(_language(one, ' aria-current="true"' if one is current else "") for one in Language)


def _language(one: Language, current: str) -> str:
    name = {Language.ENGLISH: "English", Language.CHINESE: "中文"}[one]
    tags = f'lang="{one.tag}" hreflang="{one.tag}"'
    return f'<a href="?lang={one.value}" data-language="{one.value}" {tags}{current}>{name}</a>'
