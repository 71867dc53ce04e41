"""Puts blocks into the picture: sizes in pixels, rows, what flies above, what is in the sky."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from runtime.local.illustrator.blocks import Block, Sprite
from runtime.local.illustrator.composing import Member
from runtime.local.illustrator.stage import Stage
from runtime.local.illustrator.values import Spot

_GAP: Final = 0.16
"""Between neighbours, in the mean height of the row."""
_DEPTH: Final = 0.42
"""How far up the next row's feet are, in heights of the row in front of it."""
_LEAST: Final = 0.085
"""Height of the smallest thing, in the picture's shorter side."""
_AFLOAT: Final = frozenset({"afloat", "water"})
_SKY_SIZE: Final = {"rainbow": 0.4, "sun": 0.2, "full moon": 0.19, "crescent moon": 0.19, "cloud": 0.17}


@dataclass(frozen=True, slots=True)
class Placed:
    """A sprite in pixels: the middle of its foot and its scale (pixels per unit of its block);
    ``shadow`` whether it stands on the ground."""

    sprite: Sprite
    x: float
    y: float
    height: float
    shadow: bool
    afloat: bool = False


def arranged(members: Sequence[Member], stage: Stage, random: Random) -> list[Placed]:
    """Everything in drawing order."""
    in_sky = [m for m in members if m.block.place == "sky" and not m.beside and stage.sky]
    aloft = stage.aloft and not stage.floats
    over = [m for m in members if m.block.place == "air" and not m.beside and aloft]
    rest = [m for m in members if m not in in_sky and m not in over]
    if not rest:
        rest, over = over, []
        stage_of_rest = _airy(stage) if rest and stage.sky else stage
    else:
        stage_of_rest = stage
    placed = [piece for member, at in _sky(in_sky, stage) for piece in _pieces(member, at, stage)]
    room = _Room(stage_of_rest, crowded=bool(over))
    rows, unit = room.rows(rest)
    main = room.placed(rows, unit, random)
    top = min((p.y - p.height for p in main), default=stage.floor)
    placed += _over(over, stage, (top, unit), random)
    return placed + main


def _airy(stage: Stage) -> Stage:
    """Only things that fly: they are in the upper two thirds."""
    middle = stage.height * 0.62
    return Stage(stage.width, stage.height, middle, stage.top, floats=True, shadow=0.0)


class _Room:
    """The room for the main row or rows of a picture."""

    def __init__(self, stage: Stage, crowded: bool) -> None:
        self._stage = stage
        self._wide = stage.width * 0.86
        self._high = (stage.floor - stage.top) * (0.62 if crowded else 1.0)
        self._free = stage.floats or not stage.sky

    def rows(self, members: Sequence[Member]) -> tuple[list[list[Member]], float]:
        """The members in as many rows as make them largest, and the pixels of a unit."""
        if not members:
            return [], self._stage.height * 0.4
        most = 1 if any(m.beside for m in members) else self._most_rows(len(members))
        choices = []
        for count in range(1, most + 1):
            rows = _split(members, count)
            unit = self._unit(rows)
            choices.append((unit * (1 - 0.3 * (count - 1)), unit, rows))
        _, unit, rows = max(choices, key=lambda choice: choice[0])
        return rows, unit

    def _most_rows(self, members: int) -> int:
        upright = self._stage.height > 1.2 * self._stage.width
        if self._free:
            return min(3, members)
        return 2 if members >= (3 if upright else 4) else 1

    def _unit(self, rows: Sequence[Sequence[Member]]) -> float:
        widest = max(_width(row) for row in rows)
        heights = [max(_reach(member, row) for member in row) for row in rows]
        high, foot = 0.0, 0.0
        for height in heights:
            high = max(high, foot + height)
            foot += (1.08 if self._free else _DEPTH) * height
        tallest = max(heights)
        share = 0.64
        if self._stage.sky or self._stage.floats:
            share = min(0.7, max(0.4, 0.36 + 0.14 * tallest))
        return min(self._wide / widest, self._high / high, self._stage.height * share / tallest)

    def placed(self, rows: Sequence[Sequence[Member]], unit: float, random: Random) -> list[Placed]:
        """The sprites of all rows, the far ones first."""
        pieces: list[Placed] = []
        foot = self._foot(rows, unit)
        for row in rows:
            high = max(_reach(member, row) for member in row) * unit
            line: list[list[Placed]] = []
            for member, x in self._across(row, unit):
                line.append(self._standing(member, (x, foot), unit, (row, random)))
            line.sort(key=lambda group: max(piece.y for piece in group))
            pieces = [*(piece for group in line for piece in group), *pieces]
            foot -= 1.08 * high if self._free else _DEPTH * high
        return pieces

    def _foot(self, rows: Sequence[Sequence[Member]], unit: float) -> float:
        if not rows or not self._free:
            return self._stage.floor
        total = sum(max(_reach(member, row) for member in row) * unit * 1.08 for row in rows)
        middle = self._stage.height * 0.5 if self._stage.floats else self._stage.height * 0.515
        if self._stage.floats and self._stage.floor < self._stage.height * 0.8:
            middle = self._stage.height * 0.42
        return min(self._stage.floor, middle + total / 2)

    def _across(self, row: Sequence[Member], unit: float) -> list[tuple[Member, float]]:
        """Each member of a row with the x of its middle."""
        gap = _gap(row) * unit
        total = _width(row) * unit
        spare = max(0.0, self._wide - total) / (len(row) + 1) * 0.5
        x = (self._stage.width - total - spare * (len(row) - 1)) / 2
        found = []
        for member in row:
            wide = member.block.width * unit
            found.append((member, x + wide / 2))
            x += wide + gap + spare
        return [(member, self._at_spot(member, x, unit)) for member, x in found]

    def _at_spot(self, member: Member, x: float, unit: float) -> float:
        half = member.block.width * unit / 2
        match member.spot:
            case Spot.LEFT | Spot.TOP_LEFT | Spot.BOTTOM_LEFT:
                return min(x, max(half + self._stage.width * 0.04, self._stage.width * 0.22))
            case Spot.RIGHT | Spot.TOP_RIGHT | Spot.BOTTOM_RIGHT:
                far = min(self._stage.width * 0.96 - half, self._stage.width * 0.78)
                return max(x, far)
            case _:
                return x

    def _standing(
        self,
        member: Member,
        at: tuple[float, float],
        unit: float,
        around: tuple[Sequence[Member], Random],
    ) -> list[Placed]:
        row, random = around
        x, foot = at
        stage, block = self._stage, member.block
        if block.height * unit < _LEAST * stage.side and len(member.things) == 1:
            unit = _LEAST * stage.side / block.height
        shadow = stage.shadow > 0 and block.place == "ground"
        if member.spot in (Spot.TOP, Spot.TOP_LEFT, Spot.TOP_RIGHT):
            foot, shadow = stage.top + block.height * unit, False
        elif stage.floats:
            foot += random.uniform(-0.05, 0.05) * stage.height if len(row) > 1 else 0.0
        elif stage.water is not None and block.place in _AFLOAT:
            foot = stage.water + _draught(block) * block.height * unit
        elif block.place == "air" or (block.place == "sky" and stage.sky):
            foot -= _lift(member, row) * unit
        elif stage.front and stage.shadow == 0.0 and stage.water is not None:
            foot = stage.water + 0.22 * block.height * unit  # it swims, though it is no swimmer
        elif stage.sky and len(row) > 1:
            foot += random.uniform(-0.012, 0.02) * stage.height
        middle = (block.left + block.right) / 2
        return [
            Placed(
                sprite,
                x + (sprite.x - middle) * unit,
                foot - (sprite.y - block.bottom) * unit,
                sprite.height * unit,
                shadow and sprite.y - block.bottom < 0.05 * block.height,
                stage.water is not None and block.place in _AFLOAT,
            )
            for sprite in sorted(block.sprites, key=lambda s: s.z)
        ]


def _draught(block: Block) -> float:
    """How deep it is in the water: the art of boats ends with a strip of water that must not be seen."""
    return 0.24 if block.sprites[0].concept.kind == "transport-water" else 0.16


def _split(members: Sequence[Member], count: int) -> list[list[Member]]:
    """Into rows, the front one first, in reading order from the back."""
    per = -(-len(members) // count)
    rows = [list(members[start : start + per]) for start in range(0, len(members), per)]
    return rows[::-1]


def _gap(row: Sequence[Member]) -> float:
    return _GAP * sum(member.block.height for member in row) / len(row)


def _width(row: Sequence[Member]) -> float:
    return sum(member.block.width for member in row) + _gap(row) * (len(row) - 1)


def _lift(member: Member, row: Sequence[Member]) -> float:
    """How high something that flies is above the ground beside its neighbours."""
    others = [other.block.height for other in row if other is not member]
    return 0.42 * max(others, default=0.0)


def _reach(member: Member, row: Sequence[Member]) -> float:
    flies = member.block.place == "air"
    return member.block.height + (_lift(member, row) if flies else 0.0)


def _over(
    members: Sequence[Member], stage: Stage, below: tuple[float, float], random: Random
) -> list[Placed]:
    """What flies above the others, spread from left to right."""
    top, unit = below
    placed: list[Placed] = []
    zone = max(top - stage.top, 0.25 * stage.height)
    for number, member in enumerate(members):
        share = stage.width * 0.8 / len(members)
        spots = {Spot.LEFT: stage.width * 0.22, Spot.RIGHT: stage.width * 0.78}
        block = member.block
        scale = min(unit, 0.9 * zone / block.height, 0.9 * share / block.width)
        scale = max(scale, _LEAST * stage.side / block.height * (1.3 if len(block.sprites) == 1 else 1))
        x = stage.width * 0.1 + share * (number + 0.5)
        if len(members) == 1:
            x = stage.width * random.choice((0.3, 0.7))
        x = spots.get(member.spot or Spot.TOP, x)
        middle = stage.top + (top - stage.top) * random.uniform(0.42, 0.55)
        foot = max(middle + block.height * scale / 2, stage.top + block.height * scale)
        placed += _pieces(member, (x, foot, scale), stage)
    return placed


def _sky(members: Sequence[Member], stage: Stage) -> list[tuple[Member, tuple[float, float, float]]]:
    """Sun, moon, stars and clouds: (x, foot, scale) of each."""
    spots = [0.78, 0.22, 0.5, 0.36, 0.64]
    found = []
    for number, member in enumerate(members):
        block = member.block
        name = block.sprites[0].concept.name
        if name == "rainbow":
            continue  # the sky has it, from edge to edge
        size = _SKY_SIZE.get(name, 0.13) * stage.side * _wish(block)
        scale = size / block.sprites[0].height
        scale = min(scale, stage.width * 0.86 / block.width, stage.height * 0.36 / block.height)
        x = stage.width * (0.5 if len(block.sprites) > 3 else spots[number % len(spots)])
        if member.spot is not None:
            x = stage.width * (0.2 if "left" in member.spot else 0.8 if "right" in member.spot else 0.5)
        foot = stage.height * 0.08 + block.height * scale
        found.append((member, (x, foot, scale)))
    return found


def _wish(block: Block) -> float:
    """The size that was asked for: the block's height tells it, the concept's does not."""
    sprite = block.sprites[0]
    usual = max(sprite.concept.size, 0.05) ** 0.75
    return min(2.2, max(0.4, sprite.height / float(usual)))


def _pieces(member: Member, at: tuple[float, float, float], stage: Stage) -> list[Placed]:
    x, foot, scale = at
    block = member.block
    middle = (block.left + block.right) / 2
    return [
        Placed(
            sprite,
            x + (sprite.x - middle) * scale,
            foot - (sprite.y - block.bottom) * scale,
            sprite.height * scale,
            False,
        )
        for sprite in sorted(block.sprites, key=lambda s: s.z)
    ]
