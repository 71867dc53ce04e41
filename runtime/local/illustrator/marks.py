"""The words of a prompt, marked with the part they play: the longest known phrase at each place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from runtime.local.illustrator import count_words, idle_words, place_words, relation_words
from runtime.local.illustrator.art import Named
from runtime.local.illustrator.colours import NAMES
from runtime.local.illustrator.tokens import COMMA, singular
from runtime.local.illustrator.verbs import VERB_OF

_LONGEST: Final = 6


class Part(StrEnum):
    COMMA = "comma"
    AND = "and"
    OF = "of"
    ARTICLE = "article"
    NUMBER = "number"
    SIZE = "size"
    COLOUR = "colour"
    RELATION = "relation"
    VERB = "verb"
    SPOT = "spot"
    PLACE = "place"
    BACKGROUND = "background"
    BEHIND_ALL = "in the background"
    NEGATION = "negation"
    COPULA = "copula"
    SWALLOW = "swallow"
    STYLE = "style"
    ADJECTIVE = "adjective"
    FILLER = "filler"
    THING = "thing"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Mark:
    """``text`` as written; ``value`` what the table says; ``name`` the phrase that names a thing, where
    the words also do, and ``plural`` whether it is written in the plural."""

    part: Part
    text: str
    value: Any = None
    name: str = ""
    plural: bool = False


_FIXED: Final[Mapping[str, tuple[Part, Any]]] = {
    **dict.fromkeys(idle_words.ADJECTIVES, (Part.ADJECTIVE, None)),
    **dict.fromkeys(idle_words.STYLES | idle_words.STYLE_HEADS, (Part.STYLE, None)),
    **dict.fromkeys(idle_words.FILLERS | idle_words.ROWS, (Part.FILLER, None)),
    **dict.fromkeys(idle_words.ADDRESSES, (Part.FILLER, None)),
    **dict.fromkeys(idle_words.OCCASIONS, (Part.FILLER, None)),
    **{name: (Part.COLOUR, value) for name, value in NAMES.items()},
    **{form: (Part.VERB, verb) for form, verb in VERB_OF.items()},
    **{words: (Part.SIZE, factor) for words, factor in count_words.SIZES.items()},
    **{words: (Part.NUMBER, count) for words, count in count_words.NUMBERS.items()},
    **dict.fromkeys(count_words.ARTICLES, (Part.ARTICLE, None)),
    **dict.fromkeys(idle_words.COPULAS, (Part.COPULA, None)),
    **{words: (Part.PLACE, place) for words, place in place_words.PLACES.items()},
    **{words: (Part.RELATION, kind) for words, kind in relation_words.RELATIONS.items()},
    **{words: (Part.SPOT, spot) for words, spot in relation_words.SPOTS.items()},
    **dict.fromkeys(place_words.BACKGROUNDS, (Part.BACKGROUND, None)),
    **dict.fromkeys(place_words.IN_BACKGROUND, (Part.BEHIND_ALL, None)),
    **dict.fromkeys(place_words.IN_FOREGROUND, (Part.FILLER, None)),
    **dict.fromkeys(idle_words.NEGATIONS, (Part.NEGATION, None)),
    **dict.fromkeys(idle_words.SWALLOWED, (Part.SWALLOW, None)),
    "of": (Part.OF, None),
    "and": (Part.AND, None),
    "plus": (Part.AND, None),
    COMMA: (Part.COMMA, None),
}


class Names:
    """The phrases that name things, singular or plural."""

    def __init__(self, phrases: Mapping[str, Named]) -> None:
        self._phrases = phrases

    def find(self, words: Sequence[str]) -> tuple[str, bool] | None:
        """The phrase of these words and whether they are its plural."""
        whole = " ".join(words)
        known = self._phrases.get(whole)
        if known is not None and known.how != "tag":
            return whole, False
        last = singular(words[-1])
        if last is not None:
            for ending in (last, last + "e" if words[-1].endswith("es") else last):
                one = " ".join((*words[:-1], ending))
                if one in self._phrases:
                    return one, True
        return (whole, False) if known is not None else None


def marks(tokens: Sequence[str], names: Names) -> Iterator[Mark]:
    """Each token belongs to one mark."""
    at = 0
    while at < len(tokens):
        mark, length = _longest(tokens, at, names)
        yield mark
        at += length


def _longest(tokens: Sequence[str], at: int, names: Names) -> tuple[Mark, int]:
    for length in range(min(_LONGEST, len(tokens) - at), 0, -1):
        words = tokens[at : at + length]
        if length > 1 and COMMA in words:
            continue
        text = " ".join(words)
        name, plural = names.find(words) or ("", False)
        known = _FIXED.get(text)
        if known is not None:
            return Mark(known[0], text, known[1], name, plural), length
        if name:
            return Mark(Part.THING, text, None, name, plural), length
    word = tokens[at]
    if word.isdigit() and not int(word):
        return Mark(Part.NEGATION, word), 1
    if word.isdigit():
        return Mark(Part.NUMBER, word, int(word[:4])), 1
    return Mark(Part.WORD, word), 1
