"""The grammar of prompts: from marked words to noun phrases, relations and a scene.

English word order carries it: what stands before a noun belongs to it, a relation or a verb joins what
was last named to what is named next, and words that name a place set the scene.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from runtime.local.illustrator.idle_words import DOINGS, FEATURES
from runtime.local.illustrator.marks import Mark, Names, Part, marks
from runtime.local.illustrator.noun import Noun
from runtime.local.illustrator.place_words import FIELDS, WHERE
from runtime.local.illustrator.relation_words import AIRBORNE, TURNED, VERBS
from runtime.local.illustrator.scenery import Scenery
from runtime.local.illustrator.tokens import singular, tokens
from runtime.local.illustrator.values import Colour, Phrase, Reading, Rel, Relation, Spot
from runtime.local.illustrator.verbs import SEEMING

_CROP: Final = 5
_ATTACHED: Final = frozenset({Rel.HOLDING, Rel.WEARING})
_STOPS: Final = frozenset(
    {Part.COMMA, Part.AND, Part.RELATION, Part.VERB, Part.SPOT, Part.COPULA, Part.OF, Part.BEHIND_ALL}
)
_OPENINGS: Final = frozenset(
    {Part.ARTICLE, Part.NUMBER, Part.COLOUR, Part.SIZE, Part.ADJECTIVE, Part.THING, Part.WORD}
)
_OBJECTS: Final = (Part.ARTICLE, Part.NUMBER)
_MODIFIERS: Final = (Part.ARTICLE, Part.NUMBER, Part.SIZE, Part.COLOUR, Part.ADJECTIVE)


def read(prompt: str, names: Names) -> Reading:
    """Reads any text; never raises."""
    reader = _Reader(list(marks(tokens(prompt), names)))
    return reader.reading()


@dataclass(slots=True)
class _Pending:
    """A relation whose second thing is still to be named."""

    kind: Rel
    firsts: tuple[int, ...]
    words: str


class _Reader:
    def __init__(self, found: Sequence[Mark]) -> None:
        self._marks = found
        self._at = 0
        self._phrases: list[Phrase] = []
        self._relations: list[Relation] = []
        self._ignored: list[str] = []
        self._scenery = Scenery()
        self._noun = Noun()
        self._pending: _Pending | None = None
        self._group: list[int] = []
        self._owner: int | None = None
        self._sharing: _Pending | None = None
        self._spot: Spot | None = None
        self._verb = ""
        self._negated = False
        self._between: int | None = None
        self._acts: Mapping[Part, Callable[[Mark], None]] = {
            Part.THING: self._thing,
            Part.WORD: self._word,
            **dict.fromkeys(_MODIFIERS, self._modifier),
            Part.RELATION: self._relation,
            Part.VERB: self._act,
            Part.PLACE: self._place,
            Part.BACKGROUND: self._background,
            Part.BEHIND_ALL: self._move_away,
            Part.SPOT: self._set_spot,
            Part.NEGATION: self._negate,
            Part.SWALLOW: self._swallow,
            Part.STYLE: self._style,
            Part.COMMA: self._separator,
            Part.AND: self._separator,
            Part.OF: self._of,
            Part.COPULA: self._copula,
        }

    def reading(self) -> Reading:
        while self._at < len(self._marks):
            mark = self._marks[self._at]
            self._at += 1
            self._take(mark)
        self._end_noun()
        self._drop_pending()
        return Reading(
            tuple(self._phrases),
            tuple(self._relations),
            self._scenery.scene(),
            tuple(dict.fromkeys(word for word in self._ignored if word)),
        )

    # One mark ----------------------------------------------------------------------------------

    def _take(self, mark: Mark) -> None:
        act = self._acts.get(self._part(mark))
        if act is not None:
            act(mark)

    def _part(self, mark: Mark) -> Part:
        """The part that fits here, where a word could play two."""
        if mark.part in (Part.THING, Part.WORD) and self._is_act(mark):
            return Part.VERB
        if mark.part is Part.VERB and self._noun.empty and self._noun.determined:
            thing = mark.name or not self._noun_follows()  # a watering can, but a flying pig
            return (Part.THING if mark.name else Part.WORD) if thing else mark.part
        if not mark.name or mark.part is Part.THING:
            return mark.part
        last = self._ahead() is None or self._ahead_part() in _STOPS
        if mark.part is Part.COLOUR:
            noun_follows = not last and self._ahead_part() is not Part.FILLER
            return Part.COLOUR if noun_follows or not self._noun.empty else Part.THING
        if mark.part in (Part.STYLE, Part.ADJECTIVE, Part.SIZE):
            of_follows = self._ahead_part() is Part.OF
            wanted = last and not of_follows and self._noun.empty and self._noun.determined
            return Part.THING if wanted else mark.part
        return mark.part

    def _is_act(self, mark: Mark) -> bool:
        """``kids building a snowman`` do something, ``a wooden building`` is a thing; ``a man watches``,
        ``a man's watches``; ``two foxes sit by the fire``."""
        noun, text, ahead = self._noun, mark.text, self._ahead_part()
        if noun.empty:
            return False
        if text.endswith("ing"):
            return ahead in _OBJECTS and mark.part is Part.THING
        if text in VERBS:
            return (noun.plural or bool(self._group)) and ahead in (*_OBJECTS, Part.RELATION)
        looks_so = mark.part is Part.WORD or text in SEEMING
        ends = ahead is None or ahead in (*_OBJECTS, Part.RELATION, Part.COMMA, Part.AND)
        return looks_so and not noun.plural and singular(text) is not None and ends

    def _ahead(self) -> Mark | None:
        return self._marks[self._at] if self._at < len(self._marks) else None

    def _ahead_part(self) -> Part | None:
        ahead = self._ahead()
        return ahead.part if ahead else None

    def _noun_follows(self) -> bool:
        """Whether more of the same noun phrase comes."""
        part = self._ahead_part()
        return part in (Part.THING, Part.WORD, Part.COLOUR, Part.ADJECTIVE, Part.SIZE)

    # Nouns -------------------------------------------------------------------------------------

    def _thing(self, mark: Mark) -> None:
        self._noun.add_thing(mark)

    def _word(self, mark: Mark) -> None:
        if mark.text.endswith("ing") and not (self._noun.empty and self._noun.determined):
            self._act(mark)
        elif mark.text.endswith("ly"):
            self._ignored.append(mark.text)
        else:
            self._noun.add_word(mark.text)

    def _modifier(self, mark: Mark) -> None:
        if not self._noun.empty:
            self._end_noun()
        self._noun.add_modifier(mark)

    def _end_noun(self) -> None:
        """The noun phrase is complete: it becomes a thing, and the pending relation finds its second."""
        noun, self._noun = self._noun, Noun()
        self._ignored += noun.idle
        if noun.empty:
            if noun.colour is not None:
                self._ignored.append(noun.colour.name)
            return
        if self._negated:
            self._negated = False
            self._ignored.append(" ".join(("without", *noun.words)))
            return
        if self._pending and self._pending.words == "with" and noun.words[-1] in FEATURES:
            self._ignored.append(" ".join(("with", *noun.words)))
            self._pending = None
            return
        doing = self._pending is not None and noun.words[-1] in DOINGS
        if doing or noun.is_part:
            self._ignored.append(" ".join(noun.words))
            self._pending = None
            return
        worn = self._pending is not None and self._pending.kind is Rel.WEARING
        self._phrases.append(noun.phrase(self._spot, worn))
        self._spot = None
        self._join(len(self._phrases) - 1)

    def _join(self, index: int) -> None:
        pending, self._pending = self._pending, None
        if pending is None and self._sharing is not None:
            pending = self._sharing
        if pending is None:
            self._between_second(index)
            self._group.append(index)
            self._owner = None
            return
        for first in pending.firsts:
            if pending.words in TURNED:
                self._relations.append(Relation(pending.kind, index, first, words=pending.words))
            else:
                self._relations.append(Relation(pending.kind, first, index, words=pending.words))
        attached = pending.kind in _ATTACHED or pending.words == "with"
        self._sharing = pending if attached else None
        self._owner = pending.firsts[0] if attached and pending.firsts else None
        self._between = len(self._relations) - 1 if pending.kind is Rel.BETWEEN else None
        self._group = [*pending.firsts] if attached and pending.firsts else [index]

    def _between_second(self, index: int) -> None:
        """``between a cat and a dog``: the thing after "and" is the relation's third."""
        if self._between is None:
            return
        relation = self._relations[self._between]
        if self._phrases[relation.second].count == 1:
            self._relations[self._between] = replace(relation, third=index)
        self._between = None

    # Relations ---------------------------------------------------------------------------------

    def _relation(self, mark: Mark) -> None:
        self._end_noun()
        if mark.text == "for" and self._at >= 2 and self._marks[self._at - 2].part is Part.STYLE:
            self._swallow(mark)  # a logo for a bakery shows something else
            return
        if mark.text == "by" and self._ahead_part() in (Part.WORD, None):
            self._swallow(mark)
            return
        firsts = self._firsts()
        kind: Rel = mark.value
        words = f"{self._verb} {mark.text}".strip()
        if not firsts:
            self._ignored.append(self._verb)
        self._verb = ""
        self._sharing = None
        self._pending = _Pending(kind, firsts, words if words not in TURNED else mark.text)

    def _act(self, mark: Mark) -> None:
        self._end_noun()
        self._drop_pending()
        verb = mark.value or mark.text
        firsts = self._firsts()
        has_object = self._ahead_part() in _OPENINGS
        kind = Rel.BELOW if verb == "fly" and has_object else VERBS.get(verb, Rel.BESIDE)
        if verb in AIRBORNE and not has_object:
            for first in firsts:
                self._phrases[first] = replace(self._phrases[first], lifted=True)
        self._sharing = None
        self._verb = mark.text
        ahead = self._ahead()
        if ahead is None or ahead.part is not Part.RELATION or ahead.text == "with":
            self._scenery.suggest(WHERE.get(verb))
        if ahead is not None and ahead.part is Part.RELATION:
            return
        self._pending = _Pending(kind, firsts, mark.text)

    def _firsts(self) -> tuple[int, ...]:
        if self._owner is not None:
            return (self._owner,)
        return tuple(self._group)

    def _drop_pending(self) -> None:
        """A verb or relation that finds no second thing."""
        if self._pending is not None and self._verb:
            self._ignored.append(self._verb)
        self._verb = ""
        self._pending = None

    # Scenes ------------------------------------------------------------------------------------

    def _place(self, mark: Mark) -> None:
        noun = self._noun
        ahead = self._ahead()
        if ahead is not None and ahead.part is Part.WORD and not ahead.text.endswith(("ing", "ed")):
            self._word(mark)  # the first half of a name that no list knows
            return
        if not noun.empty:
            if self._noun_follows():
                self._ignored.append(mark.text)
                return
            self._plant()
            noun = self._noun
        self._scenery.add(mark.text, mark.value, noun.colour if not self._noun_follows() else None)
        if self._noun_follows():
            return
        if self._pending is not None and self._pending.kind is Rel.ABOVE:
            for first in self._pending.firsts:
                self._phrases[first] = replace(self._phrases[first], lifted=True)
        self._ignored += noun.idle
        self._noun = Noun()
        self._pending = None
        self._verb = ""
        self._negated = False

    def _plant(self) -> None:
        """A corn field: what grows there is drawn, and what is in the field is not in the corn."""
        grown = self._at >= 2 and self._marks[self._at - 2].part is Part.THING
        if not grown or self._marks[self._at - 1].text not in FIELDS:
            self._end_noun()
            return
        pending, self._pending = self._pending, None
        self._noun.count = self._noun.count or _CROP
        self._end_noun()
        self._group = list(pending.firsts) if pending is not None else self._group

    def _background(self, mark: Mark) -> None:
        noun, self._noun = self._noun, Noun()
        if noun.colour is not None:
            self._scenery.background(noun.colour)
        elif self._ahead_part() is Part.COPULA or self._ahead_part() is Part.COLOUR:
            if self._ahead_part() is Part.COPULA:
                self._at += 1
            ahead = self._ahead()
            if ahead is not None and ahead.part is Part.COLOUR:
                self._at += 1
                self._scenery.background(Colour(ahead.text, ahead.value))
        else:
            self._ignored.append(mark.text)
        self._ignored += [*noun.idle, *noun.words]
        self._pending = None

    # The rest ----------------------------------------------------------------------------------

    def _separator(self, mark: Mark) -> None:
        self._end_noun()
        self._drop_pending()
        if mark.part is Part.COMMA:
            self._sharing = None
            self._owner = None
            if self._relations and self._relations[-1].first in self._group:
                self._group = []
        elif self._sharing is None and self._relations and self._between is None:
            joined = self._relations[-1].second in self._group or self._owner is not None
            self._group = [] if joined else self._group

    def _of(self, _: Mark) -> None:
        if self._noun.empty:
            return
        self._end_noun()
        self._pending = _Pending(Rel.BESIDE, tuple(self._group[-1:]), "of")

    def _style(self, mark: Mark) -> None:
        if self._ahead_part() is Part.OF:  # a child's drawing of a house
            self._ignored += self._noun.words
        elif not self._noun.empty:
            self._end_noun()
        self._ignored += [*self._noun.idle, mark.text]
        self._noun = Noun()

    def _swallow(self, mark: Mark) -> None:
        self._end_noun()
        self._drop_pending()
        gone = [mark.text]
        while (ahead := self._ahead()) is not None and ahead.part not in (Part.COMMA, Part.RELATION):
            gone.append(ahead.text)
            self._at += 1
        self._ignored.append(" ".join(gone))

    def _move_away(self, _: Mark) -> None:
        self._end_noun()
        self._scenery.move_away()

    def _negate(self, _: Mark) -> None:
        self._end_noun()
        self._drop_pending()
        self._negated = True

    def _set_spot(self, mark: Mark) -> None:
        self._end_noun()
        self._drop_pending()
        spot: Spot = mark.value
        if self._group and self._at >= 2 and self._marks[self._at - 2].part is not Part.COMMA:
            last = self._group[-1]
            self._phrases[last] = replace(self._phrases[last], spot=spot)
        else:
            self._spot = spot

    def _copula(self, _: Mark) -> None:
        """``a car that is red``."""
        self._end_noun()
        ahead = self._ahead()
        if ahead is None or ahead.part is not Part.COLOUR or not self._group:
            return
        following = self._marks[self._at + 1].part if self._at + 1 < len(self._marks) else None
        if following in (Part.THING, Part.WORD):
            return
        self._at += 1
        last = self._group[-1]
        self._phrases[last] = replace(self._phrases[last], colour=Colour(ahead.text, ahead.value))
