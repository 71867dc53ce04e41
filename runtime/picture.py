"""What engines of pictures give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

LEAST_SIDE: Final = 64
MOST_SIDE: Final = 2048
"""Pixels of a picture's side."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: a whole PNG file.

    ``told`` is what was drawn in the engine's own words, ``ignored`` the words of the prompt without
    effect, ``facts`` how the engine came to it (strings, integers, lists and objects; no text of the
    caller).
    """

    data: bytes
    width: int
    height: int
    seed: int
    told: str = ""
    ignored: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
