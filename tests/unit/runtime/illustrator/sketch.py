"""Plans and pictures for the tests: the real art, and a meaning that knows nothing."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from runtime.local.illustrator.art import Art, load_art
from runtime.local.illustrator.drawing import drawn
from runtime.local.illustrator.marks import Names
from runtime.local.illustrator.meaning import Meaning, Near
from runtime.local.illustrator.planner import Planner
from runtime.local.illustrator.reader import read
from runtime.local.illustrator.values import Plan, Reading
from runtime.local.sentences import SentenceModel
from scripts.art.pixels import Pixels, pixels

Mask = NDArray[np.bool_]


class NoMeaning(Meaning):
    """Only words that the lists know: no model is needed."""

    def __init__(self, art: Art) -> None:
        super().__init__(art, _no_model)

    def nearest(self, words: str, most: int = 3) -> list[Near]:
        return [Near(0, 0.0)] * most

    def akin(self, words: str, concept: int) -> bool:
        return True


def _no_model() -> SentenceModel:
    raise AssertionError("a test of the grammar asked the model")


@cache
def art() -> Art:
    return load_art()


@cache
def planner() -> Planner:
    return Planner(art(), NoMeaning(art()))


def reading(prompt: str) -> Reading:
    return read(prompt, Names(art().phrases))


def plan(prompt: str) -> Plan:
    return planner().plan(prompt)


def picture(prompt: str, width: int = 256, height: int = 256, seed: int = 0) -> Pixels:
    return pixels(drawn(plan(prompt), width, height, seed))


def near(seen: Pixels, colour: str, within: int = 70) -> Mask:
    """Where the picture has about that colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    close: Mask = np.abs(seen[:, :, :3].astype(int) - wanted).sum(axis=2) < within
    return close


def middle(where: Mask) -> tuple[float, float]:
    """The x and y of the middle of what is marked."""
    ys, xs = np.nonzero(where)
    return float(xs.mean()), float(ys.mean())


def pieces(where: Mask, least: int = 12) -> int:
    """How many connected areas of at least so many pixels are marked."""
    left = where.copy()
    found = 0
    for y, x in zip(*np.nonzero(where), strict=True):
        if not left[y, x]:
            continue
        size, stack = 0, [(int(y), int(x))]
        left[y, x] = False
        while stack:
            row, column = stack.pop()
            size += 1
            for r, c in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if 0 <= r < left.shape[0] and 0 <= c < left.shape[1] and left[r, c]:
                    left[r, c] = False
                    stack.append((r, c))
        found += size >= least
    return found
