"""Gathers what a prompt says about the scene."""

from typing import Final

from runtime.local.illustrator.place_words import Place
from runtime.local.illustrator.values import Colour, Ground, Scene, Time, Weather

_FAR: Final = frozenset(
    {Ground.MOUNTAINS, Ground.CITY, Ground.FOREST, Ground.SEA, Ground.SKY, Ground.MEADOW}
)
"""Grounds that can also be seen behind another one."""


class Scenery:
    """Places are added in the order of the prompt; ``scene`` puts them together."""

    def __init__(self) -> None:
        self._grounds: list[Ground] = []
        self._time: Time | None = None
        self._weather = Weather.CLEAR
        self._snowy = False
        self._starry = False
        self._background: str | None = None
        self._sky: str | None = None
        self._soil: str | None = None
        self._named: list[str] = []
        self._suggested: Ground | None = None

    def add(self, words: str, place: Place, colour: Colour | None) -> None:
        """One place word; ``colour`` is what was said of it."""
        self._named.append(words)
        if place.ground is not None and place.ground not in self._grounds:
            self._grounds.append(place.ground)
        self._time = place.time or self._time
        self._weather = place.weather or self._weather
        self._snowy |= place.snowy
        self._starry |= place.starry
        if colour is None:
            return
        if place.ground is None or place.ground in (Ground.SKY, Ground.SPACE):
            self._sky = colour.value
        else:
            self._soil = colour.value

    def suggest(self, ground: Ground | None) -> None:
        """Where it is unless a place is named."""
        self._suggested = ground or self._suggested

    def background(self, colour: Colour) -> None:
        """A plain background, or the sky's colour where there is a scene."""
        self._background = colour.value
        self._named.append(f"{colour.name} background")

    def move_away(self) -> None:
        """What was named last is in the background: something else is in front."""
        if self._grounds and self._grounds[0] in _FAR and len(self._grounds) == 1:
            self._grounds.insert(0, Ground.MEADOW)

    def scene(self) -> Scene:
        ground, far = self._arranged()
        return Scene(
            ground=ground,
            far=far,
            time=self._time,
            weather=self._weather,
            snowy=self._snowy,
            starry=self._starry,
            background=self._background,
            sky=self._sky,
            soil=self._soil,
            named=tuple(dict.fromkeys(self._named)),
        )

    def _arranged(self) -> tuple[Ground, tuple[Ground, ...]]:
        """The ground in front is the first that can't be far off; the others are seen behind it."""
        if not self._grounds:
            return self._unnamed(), ()
        near = [ground for ground in self._grounds if ground not in _FAR]
        first = (
            near[0]
            if near
            else next((g for g in self._grounds if g is not Ground.SKY), self._grounds[0])
        )
        if not near and first is Ground.MOUNTAINS and Ground.FOREST in self._grounds:
            first = Ground.FOREST
        far = tuple(g for g in self._grounds if g is not first and g in _FAR and g is not Ground.SKY)
        return first, far

    def _unnamed(self) -> Ground:
        """A time or a weather without a place: out in the open."""
        if self._suggested is not None and self._background is None:
            return self._suggested
        if self._snowy:
            return Ground.SNOW
        outdoors = self._time is not None or self._weather is not Weather.CLEAR
        return Ground.MEADOW if outdoors and self._background is None else Ground.STUDIO
