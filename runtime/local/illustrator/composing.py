"""From a plan to blocks in a row: relations applied, the rest kept in the order of the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from runtime.local.illustrator.blocks import Block, Sprite, block_of
from runtime.local.illustrator.joining import Join, joined
from runtime.local.illustrator.values import Plan, Rel, Relation, Spot

_ORDER: Final = (
    Rel.WEARING,
    Rel.HOLDING,
    Rel.ON,
    Rel.IN,
    Rel.UNDER,
    Rel.AGAINST,
    Rel.AROUND,
    Rel.FRONT,
    Rel.BEHIND,
    Rel.ABOVE,
    Rel.BELOW,
)
_SWAPPED: Final = frozenset({Rel.WEARING, Rel.HOLDING})
"""Relations whose second thing is joined to the first: a hat to its wearer."""
_WHOLE: Final = frozenset({Rel.ABOVE, Rel.BELOW, Rel.FRONT, Rel.BEHIND, Rel.AROUND})
"""Relations to all that the second thing has become, a rider and his horse for example."""


@dataclass(frozen=True, slots=True)
class Member:
    """A block of the row. ``things`` are those in it; ``spot`` is where the prompt wants it; ``beside``
    says that it must stay near its neighbour."""

    things: frozenset[int]
    block: Block
    spot: Spot | None = None
    beside: bool = False


def composed(plan: Plan, random: Random, floating: bool) -> list[Member]:
    """The members of the row from left to right; sky things too, wherever they stand in it."""
    rest = [relation for relation in plan.relations if relation.kind not in _ORDER]
    members = _members(plan, random, floating)
    for kind in _ORDER:
        for relation in plan.relations:
            if relation.kind is kind:
                members = _joined(members, relation, plan, random)
    for relation in rest:
        members = _ordered(members, relation)
    return _by_spot(members)


def _members(plan: Plan, random: Random, floating: bool) -> list[Member]:
    halved = {r.second for r in plan.relations if r.kind is Rel.BETWEEN and r.third is None}
    members = []
    for index, thing in enumerate(plan.things):
        count = thing.phrase.count
        parts = [count // 2, count - count // 2] if index in halved and count > 1 else [count]
        for part in parts:
            block = block_of(index, thing, part, random, floating)
            members.append(Member(frozenset({index}), block, thing.phrase.spot))
    return members


def _joined(members: list[Member], relation: Relation, plan: Plan, random: Random) -> list[Member]:
    first, second = relation.first, relation.second
    if relation.kind in _SWAPPED:
        first, second = second, first
    guest, host = _holding(members, first), _holding(members, second)
    if guest is host:
        return members
    enlarged = plan.things[first].phrase.size > 1
    own: Block = host.block
    others: tuple[Sprite, ...] = ()
    if relation.kind not in _WHOLE:
        own, others = _split(host.block, second)
    block = joined(relation.kind, Join(guest.block, own, random, enlarged))
    block = Block((*others, *block.sprites), block.place)
    one = Member(guest.things | host.things, block, host.spot or guest.spot)
    return [one if m is host else m for m in members if m is not guest]


def _holding(members: Sequence[Member], index: int) -> Member:
    return next(member for member in members if index in member.things)


def _split(block: Block, index: int) -> tuple[Block, tuple[Sprite, ...]]:
    """The part of a block that a relation speaks of, and the rest, which stays where it is."""
    own = tuple(sprite for sprite in block.sprites if sprite.thing == index)
    rest = tuple(sprite for sprite in block.sprites if sprite.thing != index)
    return (Block(own, block.place), rest) if own else (block, ())


def _ordered(members: list[Member], relation: Relation) -> list[Member]:
    one, other = _holding(members, relation.first), _holding(members, relation.second)
    if one is other:
        return members
    close = replace(one, beside=True)
    left = [member for member in members if member is not one]
    at = left.index(other)
    match relation.kind:
        case Rel.LEFT:
            left.insert(at, close)
        case Rel.RIGHT:
            left.insert(at + 1, close)
        case Rel.BETWEEN:
            return _between(left, close, relation)
        case _:
            left.insert(at if members.index(one) < members.index(other) else at + 1, close)
    return left


def _between(left: list[Member], one: Member, relation: Relation) -> list[Member]:
    """Between the halves of a block, or between two blocks that are brought together."""
    halves = [member for member in left if relation.second in member.things]
    if len(halves) < 2 and relation.third is not None:
        halves.append(_holding(left, relation.third))
    if len(halves) < 2:
        return [*left, one]
    rest = [member for member in left if member not in halves[:2]]
    at = min(left.index(half) for half in halves[:2])
    return [*rest[:at], halves[0], one, halves[1], *rest[at:]]


def _by_spot(members: Sequence[Member]) -> list[Member]:
    def rank(member: Member) -> int:
        if member.spot in (Spot.LEFT, Spot.TOP_LEFT, Spot.BOTTOM_LEFT):
            return 0
        return 2 if member.spot in (Spot.RIGHT, Spot.TOP_RIGHT, Spot.BOTTOM_RIGHT) else 1

    return sorted(members, key=rank)
