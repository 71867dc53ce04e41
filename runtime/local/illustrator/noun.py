"""A noun phrase while it is read: what stands before the noun, and the noun."""

from dataclasses import dataclass, field
from typing import Final

from runtime.local.illustrator.idle_words import BODY, FEATURES
from runtime.local.illustrator.marks import Mark, Part
from runtime.local.illustrator.tokens import singular
from runtime.local.illustrator.values import Colour, Phrase, Spot

OWNERS: Final = frozenset({"its", "his", "her", "their", "my", "your", "our"})
MAX_COUNT: Final = 60
_TEN: Final = 10
_PLURAL_COUNT: Final = 3
"""How many are drawn where the prompt says "cats" and no number."""


@dataclass(slots=True)
class Noun:
    """``words`` are the noun's own, ``known`` the name that they end with, ``loose`` those that no list
    knows; ``idle`` gathers what has no effect."""

    count: int | None = None
    article: bool = False
    owned: bool = False
    plural: bool = False
    colour: Colour | None = None
    size: float = 1.0
    words: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    known: str = ""
    idle: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.words

    @property
    def is_part(self) -> bool:
        """Its teeth, her hands: a part of what was named before."""
        return self.owned and self.words[-1] in BODY | FEATURES

    @property
    def determined(self) -> bool:
        """Whether something was said that only a noun can follow."""
        return self.article or self.count is not None or self.colour is not None or self.size != 1.0

    def add_thing(self, mark: Mark) -> None:
        """A name. A noun before a noun tells its kind (strawberry cake) and is not drawn."""
        if self.known and mark.text in BODY:
            self.idle.append(mark.text)
            return
        if self.known:
            self.idle.append(self.known)
        self.words.append(mark.text)
        self.known = mark.name
        self.plural = mark.plural

    def add_word(self, text: str) -> None:
        """A word that no list knows. A pirate's shoulder is the pirate."""
        if self.words and text in BODY:
            self.idle.append(text)
            return
        if self.known:
            self.loose.append(self.words[-1])
            self.known = ""
        self.words.append(text)
        self.loose.append(text)
        self.plural = singular(text) is not None

    def add_modifier(self, mark: Mark) -> None:
        match mark.part:
            case Part.ARTICLE:
                self.article = True
                self.owned = mark.text in OWNERS
            case Part.NUMBER:
                self.count = min(MAX_COUNT, _counted(self.count, mark.value))
            case Part.SIZE:
                self.size = min(3.0, max(0.2, self.size * mark.value))
            case Part.COLOUR:
                self.colour = Colour(mark.text, mark.value)
            case _:
                self.idle.append(mark.text)

    def phrase(self, spot: Spot | None, worn: bool) -> Phrase:
        """The finished phrase; it has words."""
        count = self.count
        if count is None:
            count = _PLURAL_COUNT if self.plural else 1
        return Phrase(
            words=" ".join(self.words),
            known=self.known,
            loose=tuple(self.loose),
            count=max(1, count),
            colour=self.colour,
            size=self.size,
            spot=spot,
            uncounted=self.count is None and self.plural,
            worn=worn,
        )


def _counted(before: int | None, number: int) -> int:
    """Twenty five are a sum, two dozen a product."""
    if before is None:
        return number
    tens = before >= _TEN and before % _TEN == 0
    return before + number if tens and number < _TEN else before * number
