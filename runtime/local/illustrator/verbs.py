"""Forms of the verbs that the grammar knows."""

from collections.abc import Iterator, Mapping
from typing import Final

from runtime.local.illustrator.listed import listed
from runtime.local.illustrator.relation_words import VERBS

_DOUBLED: Final = listed("sit hop swim run hug nap stop")
_IRREGULAR: Final[Mapping[str, tuple[str, ...]]] = {
    "lie": ("lying", "lies", "laying"),
    "have": ("having", "has"),
    "fly": ("flying", "flies"),
    "carry": ("carrying", "carries"),
    "study": ("studying", "studies"),
    "cry": ("crying", "cries"),
    "park": ("parked", "parking"),
    "ski": ("skiing",),
    "fish": ("fishing",),
    "water": ("watering",),
    "paint": ("painting a", "paints"),
    "plant": ("planting",),
    "make": ("making a",),
    "open": ("opening",),
    "close": ("closing",),
    "drop": ("dropping",),
    "brush": ("brushing",),
    "tell": ("telling",),
    "point": ("pointing",),
    "race": ("racing",),
}
SEEMING: Final = listed(
    "leaves waves shows plays looks faces parks stands crosses rests works watches guards"
)
"""Plurals of things or places that look like a verb's form."""


def _forms(verb: str) -> Iterator[str]:
    if verb in _IRREGULAR:
        yield from _IRREGULAR[verb]
        return
    if verb in _DOUBLED:
        yield f"{verb}{verb[-1]}ing"
    elif verb.endswith("e") and not verb.endswith("ee"):
        yield f"{verb[:-1]}ing"
    else:
        yield f"{verb}ing"
    yield f"{verb}es" if verb.endswith(("ss", "sh", "ch", "x")) else f"{verb}s"


VERB_OF: Final[Mapping[str, str]] = {
    form: verb for verb in VERBS for form in _forms(verb) if form not in SEEMING
}
"""``riding`` and ``rides`` -> ``ride``."""
