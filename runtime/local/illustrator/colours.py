"""Colour names, and how a thing is given another colour: in OKLCH, so that its shades stay shades.

OKLab by Björn Ottosson (2020), https://bottosson.github.io/posts/oklab/.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runtime.local.illustrator.art import Concept

NAMES: Final[Mapping[str, str]] = {
    "red": "#e5322d",
    "crimson": "#c4122f",
    "scarlet": "#f0321e",
    "maroon": "#7f1d2d",
    "burgundy": "#7a1734",
    "orange": "#ff8a1f",
    "amber": "#ffb81c",
    "peach": "#ffc09f",
    "coral": "#ff7f6a",
    "yellow": "#ffd32a",
    "gold": "#e8b923",
    "golden": "#e8b923",
    "green": "#2eab4f",
    "lime": "#a6d82b",
    "olive": "#7d7f2a",
    "mint": "#98e6c1",
    "emerald": "#0f9d6b",
    "turquoise": "#2cc9c0",
    "teal": "#128a8a",
    "cyan": "#1fc8e8",
    "aqua": "#3fd6dc",
    "blue": "#2b7de9",
    "azure": "#3aa0f0",
    "navy": "#1f2f6b",
    "indigo": "#4b3fa8",
    "purple": "#8442c4",
    "violet": "#8b5be0",
    "lavender": "#c3b0f0",
    "lilac": "#c8a2d8",
    "magenta": "#d930b5",
    "pink": "#ff7fb8",
    "brown": "#8a5a3a",
    "tan": "#d2a679",
    "beige": "#e8d9b8",
    "cream": "#fbf1d8",
    "black": "#26242b",
    "white": "#fafafa",
    "grey": "#8d9096",
    "gray": "#8d9096",
    "silver": "#bcc3cb",
    "bronze": "#b0753a",
    "copper": "#b86b3f",
    "light blue": "#9cd3fb",
    "sky blue": "#7cc7f7",
    "baby blue": "#a8d8fa",
    "dark blue": "#1d3f91",
    "navy blue": "#1f2f6b",
    "royal blue": "#2f55d4",
    "light green": "#93dd8f",
    "dark green": "#186b35",
    "lime green": "#8fd62f",
    "light pink": "#ffc2dc",
    "hot pink": "#ff4aa2",
    "light grey": "#c9ccd1",
    "light gray": "#c9ccd1",
    "dark grey": "#55585e",
    "dark gray": "#55585e",
    "dark red": "#9c1722",
    "light brown": "#b98a63",
    "dark brown": "#553322",
    "light yellow": "#fff0a0",
    "light purple": "#c3a2ea",
    "dark purple": "#4f2483",
    "reddish": "#e5322d",
    "bluish": "#2b7de9",
    "greenish": "#2eab4f",
}

_GREY: Final = 0.035
"""Chroma below which a colour has no hue worth speaking of."""
_NEAR_HUE: Final = 42.0
_HEX: Final = re.compile(r'"(#[0-9a-f]{6})"')


@dataclass(frozen=True, slots=True)
class Lch:
    """OKLCH: lightness 0 to 1, chroma 0 to about 0.37, hue in degrees."""

    lightness: float
    chroma: float
    hue: float


def lch(colour: str) -> Lch:
    """Of ``#rrggbb``."""
    r, g, b = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return Lch(lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360)


def rgb(colour: Lch) -> str:
    """``#rrggbb``; a colour out of sRGB loses chroma until it fits."""
    chroma = colour.chroma
    for _ in range(24):
        channels = _channels(Lch(colour.lightness, chroma, colour.hue))
        if all(-0.001 <= c <= 1.001 for c in channels):
            break
        chroma *= 0.92
    else:
        channels = _channels(Lch(colour.lightness, 0.0, 0.0))
    return "#" + "".join(f"{round(255 * _companded(min(1.0, max(0.0, c)))):02x}" for c in channels)


def mixed(first: str, second: str, share: float) -> str:
    """``first`` with ``share`` (0 to 1) of ``second`` in it."""
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def shaded(colour: str, by: float) -> str:
    """Lighter (``by`` > 0) or darker, in OKLCH lightness."""
    seen = lch(colour)
    return rgb(Lch(min(1.0, max(0.0, seen.lightness + by)), seen.chroma, seen.hue))


def recoloured(concept: Concept, target: str) -> Mapping[str, str]:
    """Which of a concept's colours become which, so that it is seen as ``target``.

    The main colour is the one that covers most, not counting near-black lines; it and the colours of
    like hue move together and keep their distances in lightness.
    """
    main = main_colour(concept)
    anchor, goal = lch(main), lch(target)
    changed = {}
    for colour in dict.fromkeys(_HEX.findall(concept.svg)):
        seen = lch(colour)
        if not _moves_with(seen, anchor):
            continue
        lightness = goal.lightness + (seen.lightness - anchor.lightness) * _spread(goal)
        chroma = goal.chroma
        if anchor.chroma > _GREY:
            chroma *= min(1.25, max(0.45, seen.chroma / anchor.chroma))
        changed[colour] = rgb(Lch(min(0.99, max(0.12, lightness)), chroma, goal.hue))
    return changed


def main_colour(concept: Concept) -> str:
    """The colour that a beholder would name."""
    weights: dict[str, float] = {}
    for colour, share in concept.paint:
        seen = lch(colour)
        dark_line = seen.lightness < 0.36 and seen.chroma < 0.1
        like = sum(
            other_share
            for other, other_share in concept.paint
            if _moves_with(lch(other), seen) and other != colour
        )
        vivid = 1.0 if seen.chroma > _GREY else 0.8
        weights[colour] = (share + 0.6 * like) * vivid * (0.3 if dark_line else 1.0)
    if not weights:
        return _HEX.findall(concept.svg)[0] if _HEX.search(concept.svg) else "#808080"
    return max(weights, key=lambda colour: weights[colour])


def is_already(concept: Concept, target: str) -> bool:
    """Whether the concept as it is would be called ``target``."""
    seen, goal = lch(main_colour(concept)), lch(target)
    if abs(seen.lightness - goal.lightness) > (0.16 if goal.chroma > _GREY else 0.08):
        return False
    if goal.chroma <= _GREY or seen.chroma <= _GREY:
        return seen.chroma <= 1.6 * _GREY and goal.chroma <= 1.6 * _GREY
    return _hue_gap(seen.hue, goal.hue) < 16 and abs(seen.chroma - goal.chroma) < 0.09


def _moves_with(colour: Lch, anchor: Lch) -> bool:
    if anchor.chroma <= _GREY:
        return colour.chroma <= _GREY * 1.5 and abs(colour.lightness - anchor.lightness) < 0.3
    return colour.chroma > _GREY and _hue_gap(colour.hue, anchor.hue) < _NEAR_HUE


def _hue_gap(first: float, second: float) -> float:
    gap = abs(first - second) % 360
    return min(gap, 360 - gap)


def _spread(goal: Lch) -> float:
    """How much of the shades' distance stays: near white and black there is little room."""
    return 0.55 if goal.lightness > 0.93 or goal.lightness < 0.3 else 0.85


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _companded(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _channels(colour: Lch) -> tuple[float, float, float]:
    a = colour.chroma * math.cos(math.radians(colour.hue))
    b = colour.chroma * math.sin(math.radians(colour.hue))
    long = (colour.lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (colour.lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (colour.lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
