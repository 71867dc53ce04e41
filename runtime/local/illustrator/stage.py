"""Paints the scene behind the things and says where things stand in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from runtime.local.illustrator.canvas import Canvas
from runtime.local.illustrator.colours import main_colour
from runtime.local.illustrator.scenes import land, places, sky, town, trees, water
from runtime.local.illustrator.scenes.light import lit
from runtime.local.illustrator.values import Ground, Plan, Scene

_GRASS: Final = "#7cc35a"
_SNOW: Final = "#f2f7fc"
_FLOATING: Final = frozenset({Ground.UNDERWATER, Ground.SPACE, Ground.SKY})


@dataclass(frozen=True, slots=True)
class Stage:
    """Heights in pixels from the top: things stand on ``floor`` and reach up to ``top``; what swims
    floats at ``water``. ``floats``: nothing stands. ``shadow`` is its opacity; ``sky``
    and ``aloft`` say whether it has a sky and room above for what flies. SVG ``middle`` is drawn
    over what floats, ``front`` over everything."""

    width: int
    height: int
    floor: float
    top: float
    floats: bool = False
    water: float | None = None
    shadow: float = 0.16
    sky: bool = True
    aloft: bool = True
    middle: str = ""
    front: str = ""

    @property
    def side(self) -> int:
        return min(self.width, self.height)


def is_floating(scene: Scene) -> bool:
    """Whether things hover in it instead of standing."""
    return scene.ground in _FLOATING


def staged(canvas: Canvas, plan: Plan) -> Stage:
    """Paints the scene on the canvas; a studio is painted by ``backdrop`` when all have their places."""
    return _STAGES[plan.scene.ground](canvas, plan)


def shown(plan: Plan) -> frozenset[str]:
    """What the things themselves show, so that the scene must not."""
    names = {thing.concept.name for thing in plan.things}
    seen = set()
    if any("moon" in name for name in names):
        seen.add("moon")
    if any(
        name.startswith("sun") and name not in ("sunflower", "sunglasses", "sun hat") for name in names
    ):
        seen.add("sun")
    if names & {"ringed planet", "planet earth"} or any("globe" in name for name in names):
        seen.add("planet")
    if "rainbow" in names:
        seen.add("rainbow")
    return frozenset(seen)


def _landscape(canvas: Canvas, plan: Plan, horizon: float) -> None:
    """Sky, and what is seen far off."""
    scene = plan.scene
    sky.sky(canvas, scene, horizon, shown(plan))
    far = set(scene.far)
    if Ground.MOUNTAINS in far:
        land.mountains(canvas, scene, horizon)
    if Ground.CITY in far:
        town.skyline(canvas, scene, horizon)
    if Ground.SEA in far:
        water.sea(canvas, scene, horizon - canvas.side * 0.09, horizon + canvas.side * 0.04)
    if Ground.FOREST in far:
        trees.woods(canvas, scene, horizon, ((0.45, 0.13, 0.0), (0.25, 0.16, 0.015)))


def _on_land(canvas: Canvas, plan: Plan) -> Stage:
    """Grass, or snow where it is winter."""
    scene, h = plan.scene, canvas.height
    horizon = h * 0.62
    _landscape(canvas, plan, horizon)
    colour = _SNOW if scene.snowy else _GRASS
    if not scene.far:
        land.hills(canvas, scene, horizon, scene.soil or colour)
    land.ground(canvas, scene, horizon + canvas.side * 0.03, colour)
    if not scene.snowy:
        land.tufts(canvas, scene, horizon, scene.soil or colour, flowers=True)
    return _standing(canvas, scene)


def _snow(canvas: Canvas, plan: Plan) -> Stage:
    scene = plan.scene
    horizon = canvas.height * 0.6
    _landscape(canvas, plan, horizon)
    if not scene.far:
        land.hills(canvas, scene, horizon, "#dfe9f5")
        trees.woods(canvas, _winter(scene), horizon, ((0.5, 0.12, 0.01),))
    land.ground(canvas, scene, horizon + canvas.side * 0.03, _SNOW, 0.05)
    return _standing(canvas, scene)


def _ice(canvas: Canvas, plan: Plan) -> Stage:
    scene, side = plan.scene, canvas.side
    horizon = canvas.height * 0.52
    _landscape(canvas, plan, horizon)
    land.icebergs(canvas, scene, horizon)
    water.sea(canvas, scene, horizon, horizon + side * 0.1)
    stage = _standing(canvas, scene, afloat=horizon + side * 0.08)
    edge = horizon + side * 0.09
    return replace(stage, middle=canvas.layer(lambda: land.floe(canvas, scene, edge)))


def _winter(scene: Scene) -> Scene:
    return replace(scene, snowy=True)


def _mountains(canvas: Canvas, plan: Plan) -> Stage:
    scene = plan.scene
    horizon = canvas.height * 0.64
    _landscape(canvas, plan, horizon)
    land.mountains(canvas, scene, horizon)
    colour = _SNOW if scene.snowy else "#6fae58"
    land.hills(canvas, scene, horizon + canvas.side * 0.05, colour)
    land.ground(canvas, scene, horizon + canvas.side * 0.07, colour)
    return _standing(canvas, scene)


def _forest(canvas: Canvas, plan: Plan) -> Stage:
    scene = plan.scene
    horizon = canvas.height * 0.6
    _landscape(canvas, plan, horizon)
    trees.woods(canvas, scene, horizon, ((0.55, 0.3, -0.01), (0.35, 0.33, 0.02), (0.15, 0.27, 0.05)))
    colour = _SNOW if scene.snowy else "#6aa84f"
    land.ground(canvas, scene, horizon + canvas.side * 0.05, colour)
    if not scene.snowy:
        land.tufts(canvas, scene, horizon, scene.soil or colour, flowers=False)
    trees.frame_of_trees(canvas, scene, canvas.height * 0.8)
    return _standing(canvas, scene)


def _desert(canvas: Canvas, plan: Plan) -> Stage:
    scene, side = plan.scene, canvas.side
    horizon = canvas.height * 0.58
    _landscape(canvas, plan, horizon)
    land.dunes(canvas, scene, horizon)
    for at, size in ((0.12, 0.14), (0.88, 0.11), (0.7, 0.07)):
        trees.cactus(canvas, scene, canvas.width * at, horizon + side * 0.1, side * size)
    return _standing(canvas, scene)


def _city(canvas: Canvas, plan: Plan) -> Stage:
    scene = plan.scene
    top = canvas.height * 0.7
    sky.sky(canvas, scene, top, shown(plan))
    behind = Ground.MOUNTAINS in scene.far
    if behind:
        land.mountains(canvas, scene, top - canvas.side * 0.14)
        land.hills(canvas, scene, top - canvas.side * 0.13, "#6fae58")
    town.skyline(canvas, scene, top, 0.26 if behind else 0.46)
    town.road(canvas, scene, top)
    return _standing(canvas, scene, 0.87)


def _beach(canvas: Canvas, plan: Plan) -> Stage:
    scene, side, h = plan.scene, canvas.side, canvas.height
    horizon = h * 0.46
    _landscape(canvas, plan, horizon)
    water.sea(canvas, _without_soil(scene), horizon, h * 0.66)
    water.surf(canvas, scene, h * 0.63)
    for at, size in ((0.06, 0.46), (0.95, 0.38)):
        trees.palm(canvas, scene, canvas.width * at, h * 0.74, side * size)
    return _standing(canvas, scene, afloat=h * 0.57)


def _without_soil(scene: Scene) -> Scene:
    return replace(scene, soil=None)


def _sea(canvas: Canvas, plan: Plan) -> Stage:
    scene, h = plan.scene, canvas.height
    horizon = h * 0.55
    _landscape(canvas, plan, horizon)
    if scene.ground is Ground.LAKE:
        land.hills(canvas, scene, horizon, _SNOW if scene.snowy else _GRASS)
        trees.woods(canvas, scene, horizon, ((0.4, 0.1, 0.004),))
    water.sea(canvas, scene, horizon, h)
    if scene.ground is Ground.LAKE:
        return _by_the_lake(canvas, scene)
    line = h * 0.76
    front = water.waves(canvas, scene, line, h)
    stage = _standing(canvas, scene, 0.76, afloat=line)
    return replace(stage, front=front + stage.front, shadow=0.0)


def _by_the_lake(canvas: Canvas, scene: Scene) -> Stage:
    """What floats is on the lake, what stands on its near bank."""
    h, side = canvas.height, canvas.side
    line = h * 0.72
    bank = h * 0.82
    colour = _SNOW if scene.snowy else _GRASS
    shore = replace(scene, soil=None)

    def front() -> None:
        land.ground(canvas, shore, bank, colour)
        if not scene.snowy:
            land.tufts(canvas, shore, bank, colour, flowers=True)

    water_front = water.waves(canvas, scene, line, bank + side * 0.03)
    stage = _standing(canvas, scene, 0.9, afloat=line)
    return replace(stage, middle=water_front + canvas.layer(front))


def _underwater(canvas: Canvas, plan: Plan) -> Stage:
    water.underwater(canvas, plan.scene)
    return _hovering(canvas)


def _space(canvas: Canvas, plan: Plan) -> Stage:
    places.space(canvas, shown(plan))
    return _hovering(canvas)


def _moon(canvas: Canvas, plan: Plan) -> Stage:
    top = canvas.height * 0.64
    places.space(canvas, shown(plan))
    grey = plan.scene.soil or "#a9a9b4"
    land.ground(canvas, Scene(soil=grey), top, grey, 0.05)
    land.craters(canvas, top, grey)
    return _standing(canvas, plan.scene)


def _high(canvas: Canvas, plan: Plan) -> Stage:
    sky.sky(canvas, plan.scene, canvas.height, shown(plan))
    places.heights(canvas, plan.scene)
    return _hovering(canvas)


def _room(canvas: Canvas, plan: Plan) -> Stage:
    places.room(canvas, plan.scene, canvas.height * 0.68)
    return replace(_standing(canvas, plan.scene, 0.86), sky=False, front="")


def _studio(canvas: Canvas, plan: Plan) -> Stage:
    plain = plan.scene.background is not None
    floor = canvas.height * 0.84
    return Stage(
        canvas.width,
        canvas.height,
        floor,
        canvas.height * 0.1,
        sky=False,
        aloft=False,
        shadow=0.0 if plain else 0.14,
    )


def backdrop(canvas: Canvas, plan: Plan, feet: Sequence[float]) -> None:
    """The studio's plain background; its floor is under the ``feet`` where they are all on one line."""
    first = plan.things[0] if plan.things else None
    avoid = None
    if first is not None:
        avoid = first.phrase.colour.value if first.phrase.colour else main_colour(first.concept)
    even = feet and max(feet) - min(feet) < 0.06 * canvas.height
    line = max(feet) - 0.07 * canvas.height if even else None
    places.studio(canvas, plan.scene, avoid, line)


def _standing(canvas: Canvas, scene: Scene, floor: float = 0.85, afloat: float | None = None) -> Stage:
    return Stage(
        canvas.width,
        canvas.height,
        canvas.height * floor,
        canvas.height * 0.07,
        water=afloat,
        shadow=0.2 if lit("#ffffff", scene) != "#ffffff" else 0.17,
        front=canvas.layer(lambda: sky.falling(canvas, scene)),
    )


def _hovering(canvas: Canvas) -> Stage:
    h = canvas.height
    return Stage(canvas.width, h, h * 0.9, h * 0.1, floats=True, shadow=0.0, sky=False)


_STAGES: Final[Mapping[Ground, Callable[[Canvas, Plan], Stage]]] = {
    Ground.STUDIO: _studio,
    Ground.MEADOW: _on_land,
    Ground.BEACH: _beach,
    Ground.SEA: _sea,
    Ground.LAKE: _sea,
    Ground.UNDERWATER: _underwater,
    Ground.MOUNTAINS: _mountains,
    Ground.DESERT: _desert,
    Ground.SNOW: _snow,
    Ground.ICE: _ice,
    Ground.FOREST: _forest,
    Ground.CITY: _city,
    Ground.STREET: _city,
    Ground.ROOM: _room,
    Ground.SPACE: _space,
    Ground.SKY: _high,
    Ground.MOON: _moon,
}
