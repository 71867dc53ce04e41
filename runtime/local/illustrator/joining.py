"""Relations that bring things together: on, in, under, worn, held, above, in front of, around."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from runtime.local.illustrator.art import Concept
from runtime.local.illustrator.blocks import Block, Sprite
from runtime.local.illustrator.values import Rel

_SEATS: Final[Mapping[str, tuple[float, float]]] = {
    "couch": (-0.06, 0.36),
    "chair": (0.0, 0.5),
    "bed": (0.06, 0.5),
    "airplane seat": (0.0, 0.5),
    "toilet": (0.05, 0.5),
    "horse": (0.05, 0.72),
    "carousel horse": (0.05, 0.6),
    "donkey": (0.1, 0.7),
    "camel": (0.1, 0.72),
    "elephant": (0.12, 0.9),
    "bicycle": (0.1, 0.68),
    "motorcycle": (0.1, 0.62),
    "motor scooter": (0.15, 0.6),
    "sled": (0.0, 0.42),
    "dragon": (0.1, 0.55),
    "unicorn": (0.1, 0.4),
}
"""Where one sits: from the middle in widths, above the foot in heights."""
_FRAMES: Final = frozenset(
    {"goal net", "spider web", "window", "mirror", "television", "framed picture", "bed", "couch"}
)
"""What is in these is seen before them."""
_COLUMNS: Final = 16
_FLAT: Final = 6


@dataclass(frozen=True, slots=True)
class Join:
    """Two blocks to be made one; ``second`` is what the first one is joined to."""

    first: Block
    second: Block
    random: Random
    enlarged: bool


def joined(kind: Rel, join: Join) -> Block:
    """The one block. Raises KeyError for a relation that only orders blocks."""
    return _JOINS[kind](join)


def _on(join: Join) -> Block:
    base = join.second
    carrier = _middle(base)
    guests = join.first.grounded()
    room = 1.2 * carrier.width
    if guests.width > room:
        factor = math.sqrt(room / guests.width)
        guests, base = guests.scaled(factor), base.scaled(1 / factor)
        carrier = _middle(base)
        guests = guests.scaled(min(1.0, 1.2 * carrier.width / guests.width))
    x, y = _seat(carrier)
    if join.first.sprites[0].concept.kind == "animal-bug" and carrier.concept.kind.startswith("plant"):
        y = carrier.y + carrier.height * 0.62
    spread = []
    for sprite in guests.sprites:
        top = y if len(guests.sprites) == 1 else max(y * 0.9, _top_at(carrier, x + sprite.x))
        sink = 0.12 if sprite.concept.kind.startswith("person") else 0.05
        spread.append(replace(sprite, x=sprite.x + x, y=sprite.y + top - sink * sprite.height))
    return Block(tuple(spread), base.place).over(base)


def _in(join: Join) -> Block:
    holder = _middle(join.second)
    if holder.concept.name.startswith("plate"):
        dish = join.first.grounded()
        dish = dish.scaled(0.5 * holder.height / max(dish.height, dish.width))
        return dish.moved(holder.x, holder.y + 0.27 * holder.height).over(join.second)
    if holder.concept.name in _FRAMES:
        inner = join.first.grounded()
        inner = inner.scaled(
            min(1.0, 0.6 * holder.height / inner.height, 0.6 * holder.width / inner.width)
        )
        return inner.moved(holder.x, holder.y + 0.12 * holder.height).over(join.second)
    if holder.concept.into or holder.concept.size < 1.0:
        return _into(join, holder)
    guests = join.first.grounded()
    limit = 0.5 * holder.height if not join.enlarged else holder.height
    guests = guests.scaled(min(1.0, limit / guests.height, 0.8 * holder.width / guests.width))
    return guests.moved(holder.x, holder.y + 0.02 * holder.height).over(join.second)


def _into(join: Join, holder: Sprite) -> Block:
    """They look out of its top: drawn behind it, raised."""
    guests = join.first.grounded()
    base = join.second
    wide = 0.82 * holder.width
    if guests.width > wide:
        factor = math.sqrt(wide / guests.width)
        guests, base = guests.scaled(factor), base.scaled(1 / factor)
        holder = _middle(base)
        guests = guests.scaled(min(1.0, 0.82 * holder.width / guests.width))
    top = holder.y + 0.9 * _top_at(holder, holder.x) - holder.y * 0.9
    lifted = guests.moved(holder.x, top - 0.32 * min(s.height for s in guests.sprites), -0.5)
    return Block((*lifted.sprites, *base.sprites), base.place)


def _under(join: Join) -> Block:
    """Below a crown of leaves or an umbrella."""
    roof, guests = join.second, join.first.grounded()
    cover = _middle(roof)
    if "umbrella" in cover.concept.name:
        roof = roof.scaled(max(1.5 * guests.width / cover.width, 1.25 * guests.height / cover.height))
        held = roof.grounded().moved(0.5 * guests.width, guests.height * 0.3)
        return Block((*held.sprites, *guests.sprites), guests.place).grounded()
    guests = guests.scaled(min(1.0, 0.46 * cover.height / guests.height))
    side = -1 if join.random.random() < 0.5 else 1
    away = cover.width * 0.2 + guests.width * 0.3
    return guests.moved(cover.x + side * away, cover.y - 0.02 * cover.height).over(roof)


def _worn(join: Join) -> Block:
    """Each wearer gets one."""
    wear = join.first.sprites[0]
    spare = list(join.first.sprites)
    dressed = []
    for wearer in join.second.sprites:
        if not spare:
            break
        dressed.append(_dressed(spare.pop(0), wearer, wear.concept.wear))
    return Block((*join.second.sprites, *dressed), join.second.place)


def _dressed(piece: Sprite, wearer: Sprite, part: str) -> Sprite:
    face = wearer.face_height
    foot = wearer.y + wearer.height - face
    x, top = _head(wearer)
    faces = (
        wearer.body
        or wearer.concept.kind in ("person", "person-fantasy")
        or "face" in wearer.concept.name
    )
    size = 0.78 * wearer.width if faces else min(0.95 * wearer.width, 0.42 * face)
    if wearer.concept.kind == "person-activity":  # arms and legs make it wider than its head
        size = min(0.7 * wearer.width, 0.26 * face)
    ratio = piece.concept.box[3] / piece.concept.box[2]
    if part == "head":
        return replace(piece, x=x, y=top - 0.3 * size * ratio, height=size * ratio, z=wearer.z + 1)
    if part == "eyes" and not wearer.concept.kind.startswith(_LIVING):
        y = wearer.y + 0.55 * wearer.height
        return replace(piece, x=wearer.x, y=y, height=0.75 * wearer.width * ratio, z=wearer.z + 1)
    if part == "eyes":
        y = foot + 0.5 * face if faces else top - 0.13 * face
        return replace(piece, x=x, y=y - size * ratio / 2, height=size * ratio, z=wearer.z + 1)
    if part == "neck":
        y = foot - 0.14 * face if wearer.body else wearer.y + 0.5 * wearer.height
        return replace(piece, x=wearer.x, y=y, height=0.36 * face, z=wearer.z + 1)
    upright = wearer.width < wearer.height
    tall = min(0.56 * wearer.height, (0.95 if upright else 0.45) * wearer.width * ratio)
    y = wearer.y + 0.2 * wearer.height
    return replace(piece, x=wearer.x, y=y, height=tall, z=wearer.z + 1)


def _held(join: Join) -> Block:
    """At the holder's side, before its front."""
    holder = _middle(join.second)
    held = join.first.grounded()
    held = held.scaled(min(1.0, 0.5 * holder.height / held.height, 0.8 * holder.width / held.width))
    if held.height < 0.34 * holder.height:
        held = held.scaled(0.34 * holder.height / held.height)
    x = holder.x + 0.4 * holder.width + 0.1 * held.width
    return held.moved(x, holder.y + 0.12 * holder.height).over(join.second)


def _against(join: Join) -> Block:
    """Before its side; at a tree before the trunk."""
    host, guests = _middle(join.second), join.first.grounded()
    side = -1 if join.random.random() < 0.5 else 1
    trunk = 0.08 if "tree" in host.concept.name else 0.42
    away = trunk * host.width + 0.38 * guests.width
    leaning = tuple(replace(s, turn=-7.0 * side) for s in guests.sprites)
    moved = Block(leaning, guests.place).moved(host.x + side * away, host.y)
    return moved.over(join.second).grounded()


def _above(join: Join) -> Block:
    lower, upper = join.second.grounded(), join.first.grounded()
    gap = 0.22 * min(upper.height, lower.height) + 0.04
    return Block((*lower.sprites, *upper.moved(0, lower.height + gap).sprites), lower.place)


def _below(join: Join) -> Block:
    turned = Join(join.second, join.first, join.random, join.enlarged)
    block = _above(turned)
    return Block(block.sprites, join.first.place)


def _front(join: Join) -> Block:
    """The second one stands behind, aside and a little higher."""
    back, front = join.second.grounded(), join.first.grounded()
    tall = front.height > 0.8 * back.height
    side = 1 if join.random.random() < 0.5 else -1
    away = (0.34 if tall else 0.16) * max(back.width, front.width if tall else 0)
    back = back.moved(0, front.height * (0.16 if tall else 0.1), -1)
    return front.moved(side * away, 0).over(back).grounded()


def _behind(join: Join) -> Block:
    return _front(Join(join.second, join.first, join.random, join.enlarged))


def _around(join: Join) -> Block:
    """A ring of the first ones around the second."""
    middle = join.second.grounded()
    ring = join.first.sprites
    reach_x = middle.width / 2 + 0.7 * ring[0].width
    reach_y = middle.height / 2 + 0.55 * ring[0].height
    placed = []
    for number, sprite in enumerate(ring):
        angle = 2 * math.pi * number / len(ring) + math.pi / 2
        x, y = reach_x * math.cos(angle), middle.height / 2 + reach_y * math.sin(angle)
        placed.append(replace(sprite, x=x, y=y - sprite.height / 2, z=-math.sin(angle)))
    return Block((*middle.sprites, *placed), "air" if len(ring) > 2 else middle.place)


_JOINS: Final[Mapping[Rel, Callable[[Join], Block]]] = {
    Rel.ON: _on,
    Rel.IN: _in,
    Rel.UNDER: _under,
    Rel.WEARING: _worn,
    Rel.HOLDING: _held,
    Rel.ABOVE: _above,
    Rel.BELOW: _below,
    Rel.FRONT: _front,
    Rel.BEHIND: _behind,
    Rel.AGAINST: _against,
    Rel.AROUND: _around,
}


def _middle(block: Block) -> Sprite:
    """The sprite that carries: the largest of those nearest to the front."""
    return max(block.sprites, key=lambda sprite: (sprite.height * sprite.width, -abs(sprite.x)))


def _seat(sprite: Sprite) -> tuple[float, float]:
    """Where something rests on it: the flattest part of its upper edge near the middle."""
    known = _SEATS.get(sprite.concept.name)
    if known is not None:
        across, up = known
        side = -across if sprite.flip else across
        return sprite.x + side * sprite.width, sprite.y + up * sprite.height
    top = sprite.concept.top
    costs = []
    for column in range(2, _COLUMNS - 2):
        steep = max(top[column - 1 : column + 2]) - min(top[column - 1 : column + 2])
        away = abs(column - (_COLUMNS - 1) / 2)
        costs.append((steep * 0.5 + away * 4 + (40 if top[column] < _FLAT else 0), column))
    column = min(costs)[1]
    x = sprite.x + ((column + 0.5) / _COLUMNS - 0.5) * sprite.width * (-1 if sprite.flip else 1)
    return x, _top_at(sprite, x)


def _top_at(sprite: Sprite, x: float) -> float:
    """The height of its upper edge at ``x``."""
    across = (x - sprite.x) / sprite.width * (-1 if sprite.flip else 1) + 0.5
    column = min(_COLUMNS - 1, max(0, int(across * _COLUMNS)))
    foot = sprite.y + sprite.height - sprite.face_height
    return foot + sprite.concept.top[column] / 100 * sprite.face_height


def _head(sprite: Sprite) -> tuple[float, float]:
    """The top of its head: the middle of a face, else the highest part of its outline."""
    if sprite.body or _is_upright(sprite.concept):
        return sprite.x, sprite.y + sprite.height * 0.985
    top = sprite.concept.top
    columns = range(_COLUMNS // 2) if sprite.concept.kind in _FACING_LEFT else range(_COLUMNS)
    highest = max(columns, key=lambda column: (top[column], -abs(column - 7.5)))
    near = [c for c in range(_COLUMNS) if top[c] > top[highest] - 12 and abs(c - highest) <= 2]
    column = sum(near) / len(near)
    x = sprite.x + ((column + 0.5) / _COLUMNS - 0.5) * sprite.width * (-1 if sprite.flip else 1)
    return x, sprite.y + top[highest] / 100 * sprite.height


_LIVING: Final = ("animal", "person", "face", "cat-face", "monkey-face", "plant-flower")
_FACING_LEFT: Final = frozenset({"animal-mammal", "animal-bird", "animal-reptile"})
"""Kinds whose art looks to the left: what is highest on the right is a tail."""


def _is_upright(concept: Concept) -> bool:
    return concept.kind.startswith(("person", "face", "cat-face", "monkey")) or concept.name in _UPRIGHT


_UPRIGHT: Final = frozenset(
    {"penguin", "owl", "teddy bear", "snowman", "robot", "ghost", "pumpkin", "alien", "gorilla"}
    | {"orangutan"}
)
