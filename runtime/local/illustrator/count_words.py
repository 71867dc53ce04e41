"""Articles, numbers and sizes."""

from collections.abc import Mapping
from typing import Final

from runtime.local.illustrator.listed import listed

_TO_TWENTY: Final = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_TENS: Final = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS: Final[Mapping[str, int]] = {
    "pair": 2,
    "couple": 2,
    "trio": 3,
    "litter": 4,
    "family": 4,
    "group": 5,
    "bunch": 5,
    "pack": 5,
    "row": 5,
    "herd": 6,
    "pile": 6,
    "flock": 7,
    "lot": 7,
    "bouquet": 7,
    "school": 8,
    "swarm": 9,
    "crowd": 9,
}

NUMBERS: Final[Mapping[str, int]] = {
    **{word: number for number, word in enumerate(_TO_TWENTY, start=1)},
    **{f"{group} of": count for group, count in _GROUPS.items()},
    **{f"a {group} of": count for group, count in _GROUPS.items()},
    "a single": 1,
    "single": 1,
    "both": 2,
    "few": 3,
    "a few": 3,
    "some": 3,
    "several": 5,
    "half a dozen": 6,
    "a half dozen": 6,
    "many": 7,
    "lots of": 7,
    "dozen": 12,
    "a dozen": 12,
    "a dozen of": 12,
    "two dozen": 24,
    "dozens of": 24,
    **{word: 10 * number for number, word in enumerate(_TENS, start=3)},
    "hundred": 100,
    "a hundred": 100,
    "hundreds of": 100,
}

ARTICLES: Final = listed(
    "a an the this that these those his her its their my your our another each every any"
)

SIZES: Final[Mapping[str, float]] = {
    "microscopic": 0.35,
    "tiny": 0.42,
    "teeny": 0.42,
    "miniature": 0.42,
    "mini": 0.55,
    "small": 0.62,
    "little": 0.62,
    "short": 0.75,
    "tall": 1.35,
    "big": 1.45,
    "large": 1.45,
    "oversized": 1.7,
    "huge": 2.0,
    "massive": 2.0,
    "giant": 2.1,
    "enormous": 2.1,
    "gigantic": 2.2,
    "colossal": 2.3,
}
