"""What the pages say around their content, in English and Chinese."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from server.pages.language import Language


@cache
def words(language: Language) -> Mapping[str, str]:
    """Every text of the chrome by its name."""
    told = json.loads(files("server.site").joinpath("words.json").read_text("utf-8"))
    found: Mapping[str, str] = told[language.value]
    return found
