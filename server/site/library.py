"""The pages of the documentation, rendered once each, and what the search knows of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from importlib.resources.abc import Traversable
from typing import Any, Final

from server.pages.language import Language
from server.site import markdown
from server.site.contents import GROUPS, PAGES, Page
from server.site.shell import Link, View
from server.site.texts import words

SHOWN_BASES: Final = ("http://127.0.0.1:8402", "https://api.batchin.tech")
_SNIPPET: Final = 160
_DEEPEST: Final = 3


@dataclass
class Library:
    """``sources`` is the folder of ``server.site.sources``; programs on the pages call ``base_url``."""

    sources: Traversable
    base_url: str
    _rendered: dict[tuple[str, Language], markdown.Rendered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        docs = self.sources.joinpath("docs")
        listed = [page for page in PAGES if docs.joinpath(f"{page.slug}.md").is_file()]
        self.pages = (*listed, *_unlisted(docs))
        self._by_slug = {page.slug: page for page in self.pages}

    def view(self, slug: str, language: Language) -> View | None:
        """A page of Markdown; None where there is none of that name."""
        here = self._by_slug.get(slug)
        if here is None:
            return None
        rendered = self.rendered(here, language)
        at = self.pages.index(here)
        before = self._to(self.pages[at - 1], language) if at else None
        after = self._to(self.pages[at + 1], language) if at + 1 < len(self.pages) else None
        html = rendered.html
        if language is not Language.ENGLISH and not self._translated(slug).is_file():
            html = f'<p class="note">{escape(words(language)["english_only"])}</p>\n{html}'
        return View(here.path, rendered.title, html, self.side(language), _toc(rendered), before, after)

    def program(self, name: str, language: Language) -> View | None:
        """A program of ``examples/``, to be read and copied."""
        file = self.sources.joinpath("examples", name)
        if "/" in name or not name.endswith(".py") or not file.is_file():
            return None
        code = self._local(file.read_text(encoding="utf-8"))
        html = f"<h1>{escape(name)}</h1>\n{markdown.shown(code, 'python')}"
        return View(f"/docs/examples/{name}", name, html, self.side(language))

    def picture(self, name: str) -> bytes | None:
        """A picture of the pages, PNG or SVG."""
        if ".." in name or not name.endswith((".png", ".svg")):
            return None
        file = self.sources.joinpath("docs", *name.split("/"))
        return file.read_bytes() if file.is_file() else None

    def changelog(self) -> markdown.Rendered:
        return self._render("CHANGELOG.md", self.sources.joinpath("CHANGELOG.md"))

    def rendered(self, page: Page, language: Language) -> markdown.Rendered:
        """In that language where there is a translation, else in English."""
        kept = self._rendered.get((page.slug, language))
        if kept is None:
            name = f"{page.slug}.md"
            translated = self._translated(page.slug)
            ours = language is not Language.ENGLISH and translated.is_file()
            kept = self._render(name, translated if ours else self.sources.joinpath("docs", name))
            self._rendered[page.slug, language] = kept
        return kept

    def side(self, language: Language) -> list[tuple[str, list[Link]]]:
        """The navigation beside each page."""
        say = words(language)
        groups = []
        for group in GROUPS:
            links = [self._to(page, language) for page in self.pages if page.group == group]
            if group == "reference":
                links = [
                    Link("/docs/api", say["api"]),
                    *links,
                    Link("/docs/changelog", say["changelog"]),
                ]
            groups.append((say[group], links))
        return groups

    def index(self, language: Language) -> list[dict[str, Any]]:
        """What the search looks through: a row a section, with its page and the begin of its text."""
        rows = []
        for page in self.pages:
            for section in self.rendered(page, language).sections:
                at = page.path if section.level == 1 else f"{page.path}#{section.anchor}"
                row = {"t": section.title, "p": self._named(page, language), "u": at}
                rows.append({**row, "x": section.text[:_SNIPPET]})
        return rows

    def _translated(self, slug: str) -> Traversable:
        return self.sources.joinpath("docs", "zh", f"{slug}.md")

    def _to(self, page: Page, language: Language) -> Link:
        return Link(page.path, self._named(page, language))

    def _named(self, page: Page, language: Language) -> str:
        return page.title if language is Language.ENGLISH else page.chinese

    def _local(self, text: str) -> str:
        for base in SHOWN_BASES:
            text = text.replace(base, self.base_url)
        return text

    def _render(self, name: str, file: Traversable) -> markdown.Rendered:
        return markdown.render(self._local(file.read_text(encoding="utf-8")), self._link)

    def _link(self, target: str) -> str | None:
        """Relative links of the sources, as this site spells them."""
        path, _, anchor = target.partition("#")
        path = path.lstrip("./").removeprefix("docs/")
        end = f"#{anchor}" if anchor else ""
        if not path:
            return end
        if path == "CHANGELOG.md":
            return f"/docs/changelog{end}"
        if path.startswith("examples/"):
            return f"/docs/{path}"
        if path.endswith(".md"):
            slug = path.removesuffix(".md")
            return f"/docs/{slug}{end}" if slug in self._by_slug else None
        return f"/docs/pictures/{path}" if path.endswith((".png", ".svg")) else None


def _unlisted(docs: Traversable) -> Iterator[Page]:
    """Pages that the table of contents does not know yet come last."""
    known = {f"{page.slug}.md" for page in PAGES}
    for name in sorted(file.name for file in docs.iterdir()):
        if name.endswith(".md") and name not in known:
            slug = name.removesuffix(".md")
            yield Page(slug, slug.capitalize(), slug.capitalize(), GROUPS[-1])


def _toc(rendered: markdown.Rendered) -> list[Link]:
    inner = [section for section in rendered.sections if 1 < section.level <= _DEEPEST]
    if len(inner) > 24:
        inner = [section for section in inner if section.level == 2]
    return [Link(f"#{section.anchor}", section.title) for section in inner]
