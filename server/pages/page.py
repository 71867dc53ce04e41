"""A page: a folder of this package with its body, its texts and what it loads, under one path."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from importlib.resources import files
from typing import Any, Final

from server.pages.language import Language

_EMPTY: Final = re.compile(r'<(?P<open>[a-z0-9]+ [^<>]*data-text="(?P<name>\w+)"[^<>]*)></')

Texts = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """``folder`` holds ``body.html`` (what stands in ``main``), ``texts.json`` (members ``en`` and
    ``zh``, each with ``title`` and
    ``description``) and, if the page has them, ``page.js`` and ``page.css``.

    An element of the body that is empty and has ``data-text="name"`` is filled with that text.
    """

    path: str
    folder: str

    @cached_property
    def texts(self) -> Mapping[Language, Texts]:
        found = json.loads(self._read("texts.json"))
        return {language: found[language.value] for language in Language}

    def body(self, language: Language) -> str:
        """The body in a language."""
        texts = self.texts[language]
        return _EMPTY.sub(lambda m: f"<{m['open']}>{escape(texts[m['name']])}</", self._body)

    def has(self, name: str) -> bool:
        return files("server.pages").joinpath(self.folder, name).is_file()

    @cached_property
    def _body(self) -> str:
        return self._read("body.html")

    def _read(self, name: str) -> str:
        return files("server.pages").joinpath(self.folder, name).read_text("utf-8")
