"""What is told of a plan: to the caller in words, to the evidence in values."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from runtime.local.illustrator.values import Ground, Plan, Scene, Thing, Time, Weather

_MOST_SHOWN: Final = 60


def told(plan: Plan) -> str:
    """The picture in one sentence: what was understood, and nothing of what was ignored."""
    things = [_thing(thing) for thing in plan.things]
    linked = set()
    parts = []
    for relation in plan.relations:
        first, second = things[relation.first], things[relation.second]
        third = f" and {things[relation.third]}" if relation.third is not None else ""
        parts.append(f"{first} {relation.kind} {second}{third}")
        linked |= {relation.first, relation.second, relation.third}
    parts += [text for index, text in enumerate(things) if index not in linked]
    return "; ".join([*parts, *_scene(plan.scene)])


def facts(plan: Plan) -> Mapping[str, Any]:
    """Which concepts were drawn and how they were found, scores in permille. ``ignored`` only counts
    the words without effect: they are the caller's and stand in no record."""
    return {
        "matched": [
            {
                "concept": thing.concept.name,
                "how": thing.how,
                "score_permille": thing.score,
                "count": thing.phrase.count,
                **({"colour": thing.phrase.colour.name} if thing.phrase.colour else {}),
            }
            for thing in plan.things
        ],
        "scene": list(_scene(plan.scene)),
        "ignored": len(plan.ignored),
    }


def ignored(plan: Plan) -> list[str]:
    """The words without effect, for the caller alone."""
    return [word[:_MOST_SHOWN] for word in plan.ignored]


def _thing(thing: Thing) -> str:
    phrase = thing.phrase
    size = "" if phrase.size == 1 else "large " if phrase.size > 1 else "small "
    colour = f"{phrase.colour.name} " if phrase.colour else ""
    spot = f" ({phrase.spot})" if phrase.spot else ""
    return f"{phrase.count} x {size}{colour}{thing.concept.name}{spot}"


def _scene(scene: Scene) -> Iterator[str]:
    if scene.ground is not Ground.STUDIO:
        yield str(scene.ground)
    yield from (f"{ground} in the distance" for ground in scene.far)
    if scene.time not in (None, Time.DAY):
        yield str(scene.time)
    if scene.weather is not Weather.CLEAR:
        yield {Weather.SNOW: "snowfall"}.get(scene.weather, str(scene.weather))
    elif scene.snowy:
        yield "snow"
    if scene.background is not None:
        yield next((name for name in scene.named if name.endswith("background")), "background")
