"""The language and the look of a page: asked for, chosen before, or what the browser prefers."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from starlette.requests import Request

LANGUAGE_COOKIE: Final = "batchin_language"
THEME_COOKIE: Final = "batchin_theme"
_MOST_CHARACTERS: Final = 1000


class Language(StrEnum):
    """What the pages speak."""

    ENGLISH = "en"
    CHINESE = "zh"

    @property
    def tag(self) -> str:
        """As BCP 47 writes it."""
        return "zh-CN" if self is Language.CHINESE else "en"


class Theme(StrEnum):
    """How pages look; ``AUTO`` is what the browser's system says."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


_LANGUAGES: Final = frozenset(language.value for language in Language)
_THEMES: Final = frozenset(theme.value for theme in Theme)


def asked_language(request: Request) -> Language | None:
    """The language that ``?lang`` names: en, zh or a tag that begins so."""
    return _named(request.query_params.get("lang", ""))


def language_of(request: Request) -> Language:
    """By ``?lang``, the choice kept in a cookie, or Accept-Language (RFC 9110 section 12.5.4)."""
    kept = _named(request.cookies.get(LANGUAGE_COOKIE, ""))
    accepted = request.headers.get("accept-language", "")
    return asked_language(request) or kept or _accepted(accepted[:_MOST_CHARACTERS])


def theme_of(request: Request) -> Theme:
    kept = request.cookies.get(THEME_COOKIE, "")
    return Theme(kept) if kept in _THEMES else Theme.AUTO


def _named(tag: str) -> Language | None:
    """The language of a tag: zh, zh-CN and zh-HK are Chinese."""
    name = tag.strip().lower().partition("-")[0]
    return Language(name) if name in _LANGUAGES else None


def _accepted(header: str) -> Language:
    """The first of the most wanted languages that the pages speak; English without any."""
    wanted: Mapping[str, float] = dict(_weighed(part) for part in header.split(","))
    for tag in sorted(wanted, key=lambda tag: -wanted[tag]):
        found = _named(tag)
        if found is not None and wanted[tag] > 0:
            return found
    return Language.ENGLISH


def _weighed(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";q=")
    try:
        return tag, float(weight) if weight else 1.0
    except ValueError:
        return tag, 0.0
