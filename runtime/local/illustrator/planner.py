"""From a prompt to a plan: every noun is looked up, and what can't be drawn is said at once."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from base.errors import InvalidRequest, NotInVocabulary
from runtime.local.illustrator.art import Art, Concept
from runtime.local.illustrator.marks import Names
from runtime.local.illustrator.meaning import LEAST, Meaning, Near
from runtime.local.illustrator.reader import read
from runtime.local.illustrator.values import (
    Ground,
    Phrase,
    Plan,
    Reading,
    Rel,
    Relation,
    Scene,
    Thing,
    Time,
)

MAX_THINGS: Final = 24
MAX_PIECES: Final = 150
_MOST_UNKNOWN: Final = 5
_MOST_SHOWN: Final = 60
_RING: Final = 6
_DISHES: Final = frozenset({"bowl", "cup", "glass", "mug", "bottle", "pot", "jar", "can", "plate"})
_MEALS: Final = ("food-asian", "food-prepared", "drink")
_ADJECTIVE: Final = re.compile(r"\w{3,}(ful|ous|ish|less|able|ible|ive|ical|esque|like|ed)$")
_MOONS: Final = frozenset({"full moon", "crescent moon"})
_OUTDOORS: Final = frozenset(Ground) - {Ground.STUDIO, Ground.ROOM, Ground.SPACE, Ground.UNDERWATER}
_NIGHT_SKY: Final = _MOONS | {"star", "glowing star", "comet"}


@dataclass(frozen=True, slots=True)
class Unknown:
    """Words that name nothing which can be drawn, and the nearest that do, with similarities."""

    words: str
    nearest: tuple[tuple[str, float], ...]


class Undrawable(NotInVocabulary):
    """The illustrator can't draw something that the prompt names."""

    def __init__(self, unknown: Sequence[Unknown]) -> None:
        self.unknown = tuple(unknown)
        named = "; ".join(_told(one) for one in self.unknown)
        super().__init__(f"embedded-illustrator can't draw {named}.", param="prompt")


class TooMuch(InvalidRequest):
    """The prompt names more than a picture has place for."""

    def __init__(self) -> None:
        super().__init__(
            f"The prompt names too much: at most {MAX_THINGS} kinds of things and {MAX_PIECES} pieces.",
            param="prompt",
            resolution="Ask for less in one picture.",
        )


def _told(unknown: Unknown) -> str:
    nearest = ", ".join(f"{name} ({score:.2f})" for name, score in unknown.nearest)
    words = textwrap.shorten(unknown.words, _MOST_SHOWN) or unknown.words[:_MOST_SHOWN]
    return f'"{words}" (nearest: {nearest})' if nearest else f'"{words}"'


class Planner:
    """Plans pictures with one art set."""

    def __init__(self, art: Art, meaning: Meaning) -> None:
        self._art = art
        self._meaning = meaning
        self._names = Names(art.phrases)

    def plan(self, prompt: str) -> Plan:
        """What will be drawn. Blocking: under 1 ms where every word is known, else a model is asked.

        Raises Undrawable, and InvalidRequest for a prompt that names nothing or too much.
        """
        reading = read(prompt, self._names)
        if len(reading.phrases) > MAX_THINGS:
            raise TooMuch
        ignored = list(reading.ignored)
        unknown: list[Unknown] = []
        things: list[Thing | None] = []
        for phrase in reading.phrases:
            thing = self._thing(phrase, ignored)
            if isinstance(thing, Unknown):
                unknown.append(thing)
                if len(unknown) == _MOST_UNKNOWN:
                    break
                continue
            things.append(thing)
        if unknown:
            raise Undrawable(unknown)
        return _plan(reading, things, ignored)

    def _thing(self, phrase: Phrase, ignored: list[str]) -> Thing | Unknown:
        if phrase.known:
            named = self._art.phrases[phrase.known]
            concept = self._art.concepts[named.concept]
            strange = [word for word in phrase.loose if not _ADJECTIVE.search(word)]
            if strange and not self._meaning.akin(phrase.words, concept.index):
                return self._unknown(phrase.words, self._meaning.nearest(phrase.words))
            if phrase.worn and not concept.wear:
                return Unknown(phrase.words, _WEARABLE)
            ignored += phrase.loose
            return Thing(phrase, concept, named.how, named.score)
        return self._nearest(phrase)

    def _nearest(self, phrase: Phrase) -> Thing | Unknown:
        words = " ".join(w for w in phrase.words.split() if not _ADJECTIVE.search(w)) or phrase.words
        near = self._meaning.nearest(words)
        if phrase.colour is not None:  # a golden retriever is not a retriever made golden
            coloured = self._meaning.nearest(f"{phrase.colour.name} {words}")
            if coloured[0].score > max(near[0].score, LEAST):
                near, phrase = coloured, replace(phrase, colour=None)
        best = near[0]
        concept = self._art.concepts[best.concept]
        if best.score < LEAST or (phrase.worn and not concept.wear):
            return self._unknown(words, near)
        return Thing(phrase, concept, "meaning", round(1000 * best.score))

    def _unknown(self, words: str, near: Sequence[Near]) -> Unknown:
        named = tuple((self._art.concepts[one.concept].name, max(0.0, one.score)) for one in near)
        return Unknown(words, named)


_WEARABLE: Final = (("top hat", 0.0), ("crown", 0.0), ("scarf", 0.0))


def _plan(reading: Reading, things: Sequence[Thing | None], ignored: list[str]) -> Plan:
    kept, relations = _without_features(things, reading.relations, ignored)
    if not kept and not reading.scene.named:
        raise InvalidRequest(
            "The prompt names nothing to draw.",
            param="prompt",
            resolution="Name a thing or a place, for example: two cats on a beach.",
        )
    if sum(thing.phrase.count for thing in kept) > MAX_PIECES:
        raise TooMuch
    relations = tuple(_fitting(relation, kept) for relation in relations)
    in_sky = {index for index, thing in enumerate(kept) if thing.concept.place == "sky"}
    if reading.scene.background is None and len(in_sky) < len(kept):
        relations = tuple(r for r in relations if not in_sky & {r.first, r.second, r.third})
    return Plan(
        tuple(_counted(index, thing, relations) for index, thing in enumerate(kept)),
        relations,
        _scene(reading.scene, kept),
        tuple(word for word in dict.fromkeys(ignored) if word),
    )


def _counted(index: int, thing: Thing, relations: Sequence[Relation]) -> Thing:
    """Three can't surround anything: where no number is given, it is six."""
    around = any(r.kind is Rel.AROUND and r.first == index for r in relations)
    if not around or not thing.phrase.uncounted:
        return thing
    return replace(thing, phrase=replace(thing.phrase, count=_RING))


def _without_features(
    things: Sequence[Thing | None], relations: Sequence[Relation], ignored: list[str]
) -> tuple[list[Thing], tuple[Relation, ...]]:
    """A cat with blue eyes is a cat, a bowl of soup is the soup: such parts are not drawn beside it."""
    features = {
        relation.second
        for relation in relations
        if relation.words == "with"
        and (
            _is_feature(things[relation.second]) or _has(things[relation.first], things[relation.second])
        )
    }
    features |= {r.first for r in relations if r.words == "of" and _is_served(things, r)}
    kept: list[Thing] = []
    position: dict[int, int] = {}
    things = _served(things, relations)
    for index, thing in enumerate(things):
        if thing is None or index in features:
            ignored.append(thing.phrase.words if thing else "")
            continue
        position[index] = len(kept)
        kept.append(thing)
    return kept, tuple(_moved(relations, position))


def _served(things: Sequence[Thing | None], relations: Sequence[Relation]) -> Sequence[Thing | None]:
    """Two cups of tea are two teas."""
    served = list(things)
    for relation in relations:
        dish, meal = things[relation.first], things[relation.second]
        if relation.words == "of" and dish and meal and _is_served(things, relation):
            wish = replace(meal.phrase, count=dish.phrase.count, size=dish.phrase.size)
            wish = replace(wish, colour=meal.phrase.colour or dish.phrase.colour)
            served[relation.second] = replace(meal, phrase=wish)
    return served


def _moved(relations: Sequence[Relation], position: Mapping[int, int]) -> list[Relation]:
    moved = []
    for relation in relations:
        if relation.first in position and relation.second in position:
            third = position.get(relation.third) if relation.third is not None else None
            moved.append(
                replace(
                    relation,
                    first=position[relation.first],
                    second=position[relation.second],
                    third=third,
                )
            )
    return moved


def _is_feature(thing: Thing | None) -> bool:
    return thing is not None and thing.concept.kind == "body-parts"


def _has(whole: Thing | None, part: Thing | None) -> bool:
    """What the art of the whole shows already: a birthday cake has its candles."""
    return (whole is not None and part is not None) and (whole.concept.name, part.concept.name) in _SHOWN


_SHOWN: Final = frozenset({("birthday cake", "candle"), ("bowl of noodles", "chopsticks")})


def _is_served(things: Sequence[Thing | None], relation: Relation) -> bool:
    """A meal whose art shows its dish already."""
    dish, meal = things[relation.first], things[relation.second]
    if dish is None or meal is None or dish.phrase.known not in _DISHES - {"plate"}:
        return False
    return meal.concept.kind in _MEALS


def _fitting(relation: Relation, things: Sequence[Thing]) -> Relation:
    """What the words ask for, as it can be shown with these things."""
    first, second = things[relation.first].concept, things[relation.second].concept
    if relation.words == "of" and first.name.startswith("plate"):
        return replace(relation, kind=Rel.IN, first=relation.second, second=relation.first)
    if relation.words == "of" and first.into:
        return replace(relation, kind=Rel.IN, first=relation.second, second=relation.first)
    if relation.words == "with" and second.wear in ("head", "eyes", "neck") and first.size < 2:
        return replace(relation, kind=Rel.WEARING)
    if relation.words == "with" and _can_hold(things[relation.first], things[relation.second]):
        relation = replace(relation, kind=Rel.HOLDING)
    if relation.kind is Rel.HOLDING and _drawn(things, relation.second) > 1.3 * _drawn(
        things, relation.first
    ):
        return replace(relation, kind=Rel.BESIDE)
    if relation.kind is Rel.BETWEEN and relation.third is None:
        single = things[relation.second].phrase.count == 1
        return replace(relation, kind=Rel.BESIDE) if single else relation
    if relation.kind is Rel.UNDER and not _covers(second):
        return replace(relation, kind=Rel.BELOW)
    return relation


def _can_hold(first: Thing, second: Thing) -> bool:
    """A girl with an umbrella has it in her hand."""
    lives = second.concept.kind.startswith(("animal", "person", "transport", "place", "plant"))
    one = first.phrase.count == second.phrase.count == 1
    return first.concept.kind.startswith("person") and one and not lives


def _drawn(things: Sequence[Thing], index: int) -> float:
    return things[index].concept.size * things[index].phrase.size


def _covers(concept: Concept) -> bool:
    """Whether others can stand under it: trees, umbrellas."""
    return "tree" in concept.name or "umbrella" in concept.name or concept.name in _CANOPIES


_CANOPIES: Final = frozenset({"shinto shrine", "palm tree", "bamboo", "rainbow", "mushroom"})


def _at_sea(scene: Scene, concepts: Sequence[Concept], leaping: bool) -> Scene:
    """Fish are under water, what neither swims nor flies is on the shore."""
    if all(concept.place == "water" for concept in concepts) and not leaping:
        return replace(scene, ground=Ground.UNDERWATER)
    if scene.ground is Ground.SEA and all(concept.place == "ground" for concept in concepts):
        return replace(scene, ground=Ground.BEACH)
    return scene


def _scene(scene: Scene, things: Sequence[Thing]) -> Scene:
    """Where the things themselves say where they are: fish in the sea, a moon in the night."""
    concepts = [thing.concept for thing in things]
    if scene.ground in (Ground.SEA, Ground.LAKE) and concepts:
        return _at_sea(scene, concepts, any(thing.phrase.lifted for thing in things))
    in_sky = [concept for concept in concepts if concept.place == "sky"]
    if scene.ground is not Ground.STUDIO or scene.background is not None:
        moonlit = scene.time is None and any(concept.name in _MOONS for concept in in_sky)
        return replace(scene, time=Time.NIGHT) if moonlit and scene.ground in _OUTDOORS else scene
    if not in_sky or len(in_sky) == len(concepts):
        return scene
    if any(concept.name in _NIGHT_SKY for concept in in_sky):
        return replace(scene, ground=Ground.MEADOW, time=Time.NIGHT)
    return replace(scene, ground=Ground.MEADOW)
