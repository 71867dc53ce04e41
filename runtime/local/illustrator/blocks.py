"""Sprites and the blocks that they form, in units in which a grown person is 1 high.

A block has its own origin at the middle of its foot; x goes right, y up.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from runtime.local.illustrator.art import Concept
from runtime.local.illustrator.values import Thing

_SHRINK: Final = 0.75
"""True sizes differ too much for a picture: heights are drawn to this power."""
_BODY: Final = 0.62
"""Height of the body under a face, in heights of the face."""
_PER_ROW: Final = 4


@dataclass(frozen=True, slots=True)
class Sprite:
    """One drawn thing: the middle of its foot, its height, how it is turned; ``z`` orders drawing."""

    thing: int
    concept: Concept
    x: float
    y: float
    height: float
    z: float = 0.0
    flip: bool = False
    turn: float = 0.0
    body: bool = False

    @property
    def width(self) -> float:
        _, _, width, height = self.concept.box
        return self.face_height * width / height

    @property
    def face_height(self) -> float:
        """The height of the art itself, without the body under it."""
        return self.height / (1 + _BODY) if self.body else self.height


@dataclass(frozen=True, slots=True)
class Block:
    """Sprites that keep their places to each other. ``place`` is where the block belongs: ground, air,
    sky, water or afloat."""

    sprites: tuple[Sprite, ...]
    place: str = "ground"

    @property
    def left(self) -> float:
        return min(sprite.x - sprite.width / 2 for sprite in self.sprites)

    @property
    def right(self) -> float:
        return max(sprite.x + sprite.width / 2 for sprite in self.sprites)

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def top(self) -> float:
        return max(sprite.y + sprite.height for sprite in self.sprites)

    @property
    def bottom(self) -> float:
        return min(sprite.y for sprite in self.sprites)

    @property
    def height(self) -> float:
        return self.top - self.bottom

    def moved(self, x: float, y: float, z: float = 0.0) -> "Block":
        moved = tuple(replace(s, x=s.x + x, y=s.y + y, z=s.z + z) for s in self.sprites)
        return Block(moved, self.place)

    def scaled(self, factor: float) -> "Block":
        """About its origin."""
        sized = tuple(
            replace(s, x=s.x * factor, y=s.y * factor, height=s.height * factor) for s in self.sprites
        )
        return Block(sized, self.place)

    def grounded(self) -> "Block":
        """With its foot at the origin and its middle above it."""
        return self.moved(-(self.left + self.right) / 2, -self.bottom)

    def over(self, other: "Block", lift: float = 1.0) -> "Block":
        """This and another one, drawn behind it, as one block of the other's place."""
        front = self.moved(0, 0, lift)
        return Block((*other.sprites, *front.sprites), other.place)


def height_of(thing: Thing) -> float:
    """The height at which one piece of a thing is drawn."""
    base = max(thing.concept.size, 0.05) ** _SHRINK
    return float(base * thing.phrase.size)


def block_of(index: int, thing: Thing, count: int, random: Random, floating: bool) -> Block:
    """``count`` pieces of a thing, standing in rows or hovering apart."""
    place = "air" if thing.phrase.lifted and thing.concept.place == "ground" else thing.concept.place
    height = height_of(thing)
    body = thing.concept.body is not None
    piece = Sprite(index, thing.concept, 0, 0, height, body=body)
    apart = floating or place != "ground"
    spots = _scattered(count, random) if apart else _rows(count, random)
    return Block(tuple(_pieces(piece, spots, random, apart)), place)


def _pieces(
    piece: Sprite, spots: Sequence[tuple[float, float]], random: Random, apart: bool
) -> Iterable[Sprite]:
    many = len(spots) > 1
    mirrored = not piece.concept.fixed and piece.concept.kind.startswith("animal")
    step_x = piece.width * (1.3 if apart else 1.12)
    for column, row in spots:
        depth = 1 - 0.1 * row if not apart else 1.0
        size = piece.height * depth * (random.uniform(0.92, 1.06) if many else 1.0)
        yield replace(
            piece,
            x=column * step_x,
            y=row * piece.height * (1.28 if apart else 0.72),
            height=size,
            z=-0.01 * row,
            flip=mirrored and random.random() < 0.4 and many,
        )


def _rows(count: int, random: Random) -> list[tuple[float, float]]:
    """(column, row) of each: the back rows stand between the front ones."""
    if count <= _PER_ROW:
        return [(column - (count - 1) / 2 + _jitter(random, count), 0.0) for column in range(count)]
    columns = max(3, math.ceil(math.sqrt(count * 1.5)))
    rows = math.ceil(count / columns)
    spots = []
    left = count
    for row in range(rows):
        here = math.ceil(left / (rows - row))
        left -= here
        shift = 0.5 if row % 2 and here == math.ceil(count / rows) else 0.0
        spots += [(column - (here - 1) / 2 + shift, float(row)) for column in range(here)]
    return spots


def _scattered(count: int, random: Random) -> list[tuple[float, float]]:
    """(column, row) of each on a loose grid."""
    if count == 1:
        return [(0.0, 0.0)]
    columns = count if count <= 3 else math.ceil(math.sqrt(count * 1.6))
    rows = math.ceil(count / columns)
    spots = []
    for number in range(count):
        row, column = divmod(number, columns)
        here = columns if row < rows - 1 else count - columns * (rows - 1)
        spots.append(
            (
                column - (here - 1) / 2 + random.uniform(-0.14, 0.14),
                row + random.uniform(-0.16, 0.16) + (0.25 if column % 2 and rows == 1 else 0.0),
            )
        )
    return spots


def _jitter(random: Random, count: int) -> float:
    return random.uniform(-0.04, 0.04) if count > 1 else 0.0
