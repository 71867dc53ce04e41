"""What the time of day does to colours."""

from collections.abc import Mapping, Sequence
from typing import Final

from runtime.local.illustrator.canvas import Stop
from runtime.local.illustrator.colours import lch, mixed, shaded
from runtime.local.illustrator.values import Scene, Time, Weather

_SKIES: Final[Mapping[Time, Sequence[Stop]]] = {
    Time.DAY: ((0, "#4aa8f0"), (0.6, "#9fd8fb"), (1, "#dcf3ff")),
    Time.DAWN: ((0, "#7fa8ea"), (0.5, "#f4c3d0"), (1, "#ffe7c4")),
    Time.SUNSET: ((0, "#3c2f7d"), (0.4, "#b24a86"), (0.72, "#ff8a5b"), (1, "#ffd27a")),
    Time.NIGHT: ((0, "#0a0f33"), (0.6, "#1d2a66"), (1, "#3b4a92")),
}
_VEILS: Final[Mapping[Time, tuple[str, float]]] = {
    Time.DAY: ("#ffffff", 0.0),
    Time.DAWN: ("#ffc9b0", 0.16),
    Time.SUNSET: ("#7d2f62", 0.3),
    Time.NIGHT: ("#101a52", 0.58),
}


def sky_stops(scene: Scene) -> Sequence[Stop]:
    """The sky's colours from top to bottom."""
    if scene.sky is not None:
        light = shaded(scene.sky, 0.14 if lch(scene.sky).lightness < 0.8 else 0.05)
        return ((0, shaded(scene.sky, -0.05)), (0.6, scene.sky), (1, light))
    stops = _SKIES[scene.time or Time.DAY]
    grey = {Weather.RAIN: 0.55, Weather.STORM: 0.75, Weather.FOG: 0.5, Weather.CLOUDS: 0.3}
    share = grey.get(scene.weather, 0.0)
    cover = "#4d5668" if scene.weather is Weather.STORM else "#a9b4c2"
    if scene.time is Time.NIGHT:
        cover = shaded(cover, -0.3)
    return tuple((offset, mixed(colour, cover, share)) for offset, colour in stops)


def lit(colour: str, scene: Scene) -> str:
    """A colour of the land at this time of day and in this weather."""
    veil, share = _VEILS[scene.time or Time.DAY]
    seen = mixed(colour, veil, share)
    if scene.weather in (Weather.RAIN, Weather.STORM):
        seen = mixed(seen, "#56617a", 0.25)
    return seen


def hazy(colour: str, scene: Scene, distance: float) -> str:
    """A colour of far land: with distance (0 to 1) it takes the colour of the sky behind it."""
    return mixed(lit(colour, scene), sky_stops(scene)[-1][1], distance)
