"""What a prompt asks for, as values: things, how they stand to each other, and where it all is."""

from dataclasses import dataclass, field
from enum import StrEnum

from runtime.local.illustrator.art import Concept


class Rel(StrEnum):
    """How the first thing stands to the second."""

    LEFT = "left of"
    RIGHT = "right of"
    BESIDE = "beside"
    AGAINST = "against"
    BETWEEN = "between"
    ABOVE = "above"
    BELOW = "below"
    ON = "on"
    UNDER = "under"
    FRONT = "in front of"
    BEHIND = "behind"
    IN = "in"
    HOLDING = "holding"
    WEARING = "wearing"
    AROUND = "around"


class Spot(StrEnum):
    """A place in the picture."""

    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    CENTER = "center"
    TOP_LEFT = "top left"
    TOP_RIGHT = "top right"
    BOTTOM_LEFT = "bottom left"
    BOTTOM_RIGHT = "bottom right"


class Ground(StrEnum):
    """What a picture's lower part shows."""

    STUDIO = "studio"
    MEADOW = "meadow"
    BEACH = "beach"
    SEA = "sea"
    LAKE = "lake"
    UNDERWATER = "underwater"
    MOUNTAINS = "mountains"
    DESERT = "desert"
    SNOW = "snow"
    ICE = "ice"
    FOREST = "forest"
    CITY = "city"
    STREET = "street"
    ROOM = "room"
    SPACE = "space"
    SKY = "sky"
    MOON = "moon surface"


class Time(StrEnum):
    DAY = "day"
    NIGHT = "night"
    SUNSET = "sunset"
    DAWN = "dawn"


class Weather(StrEnum):
    CLEAR = "clear"
    RAIN = "rain"
    SNOW = "snow"
    STORM = "storm"
    FOG = "fog"
    CLOUDS = "clouds"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where it is. ``far`` are grounds seen in the distance; colours are ``#rrggbb`` or None."""

    ground: Ground = Ground.STUDIO
    far: tuple[Ground, ...] = ()
    time: Time | None = None
    weather: Weather = Weather.CLEAR
    snowy: bool = False
    starry: bool = False
    background: str | None = None
    sky: str | None = None
    soil: str | None = None
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour by its name in the prompt and as ``#rrggbb``."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase as written: which words, how many, which colour and size; not yet looked up.

    ``known`` are the words that name something by themselves (the last of ``words``, or nothing);
    ``loose`` are the words before them that no list knows; ``uncounted`` says that the plural stands
    without a number, ``lifted`` that it flies, ``worn`` that something wears it.
    """

    words: str
    known: str
    loose: tuple[str, ...]
    count: int
    colour: Colour | None = None
    size: float = 1.0
    spot: Spot | None = None
    lifted: bool = False
    uncounted: bool = False
    worn: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """``first`` stands so to ``second`` (and ``third``, for between): positions of things."""

    kind: Rel
    first: int
    second: int
    third: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A prompt, read: its noun phrases, relations, scene, and the words without effect."""

    phrases: tuple[Phrase, ...]
    relations: tuple[Relation, ...]
    scene: Scene
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Thing:
    """A phrase with what it names: drawn ``count`` times. ``score`` is in permille."""

    phrase: Phrase
    concept: Concept
    how: str
    score: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be drawn for a prompt."""

    things: tuple[Thing, ...]
    relations: tuple[Relation, ...]
    scene: Scene
    ignored: tuple[str, ...] = field(default=())
