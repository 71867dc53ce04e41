"""Words that say where and when it all is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from runtime.local.illustrator.values import Ground, Time, Weather


@dataclass(frozen=True, slots=True)
class Place:
    """What a word says about the scene; what is None it leaves open."""

    ground: Ground | None = None
    time: Time | None = None
    weather: Weather | None = None
    snowy: bool = False
    starry: bool = False


_GROUNDS: Final[Mapping[Ground, str]] = {
    Ground.MEADOW: (
        "meadow, meadows, field, fields, park, garden, grass, lawn, grassland, farm, farmland, "
        "pasture, countryside, backyard, yard, barnyard, hill, hills, hillside, valley, prairie, "
        "savanna, savannah, playground, 🏞"
    ),
    Ground.BEACH: "beach, beaches, shore, seashore, coast, seaside, sand, sandbank, 🏖, 🏝",
    Ground.SEA: "sea, seas, ocean, harbor, harbour, bay, waves",
    Ground.LAKE: (
        "lake, river, pond, stream, lagoon, lakeside, riverside, lakeshore, on the water, on "
        "water, in the water, in water, over the water, by the water, near the water, across the water"
    ),
    Ground.UNDERWATER: (
        "underwater, under water, under the water, under the sea, under the ocean, deep sea, "
        "reef, coral reef, aquarium, seabed, seafloor, sea floor, bottom of the sea, bottom of "
        "the ocean"
    ),
    Ground.MOUNTAINS: (
        "mountain, mountains, alps, peaks, mountainside, mountaintop, mountain range, canyon, 🏔, ⛰, 🗻"
    ),
    Ground.DESERT: "desert, deserts, dune, dunes, sahara, 🏜",
    Ground.SNOW: "tundra, in the snow, in snow, on snow, on the snow",
    Ground.ICE: (
        "arctic, antarctica, on ice, on the ice, ice rink, frozen lake, iceberg, icebergs, north "
        "pole, south pole"
    ),
    Ground.FOREST: "forest, forests, woods, jungle, woodland, rainforest, grove",
    Ground.CITY: (
        "city, cities, skyline, city skyline, town, village, downtown, cityscape, metropolis, "
        "manhattan, 🏙"
    ),
    Ground.STREET: "street, streets, road, highway, avenue, sidewalk, motorway, crossroads, parking lot",
    Ground.ROOM: (
        "room, bedroom, kitchen, living room, indoors, office, classroom, bathroom, library, "
        "lounge, cafe, attic, nursery, floor, on the floor"
    ),
    Ground.SPACE: "space, outer space, galaxy, cosmos, universe, orbit, nebula, milky way, 🌌",
    Ground.SKY: "sky, skies, heaven, in the clouds, above the clouds, in the air, in the sky",
    Ground.MOON: "on the moon, surface of the moon, moon surface, lunar surface",
}
_OTHERS: Final[Mapping[Place, str]] = {
    Place(snowy=True): "snow, snowy, snow covered, snow capped, snowcapped, winter, wintry",
    Place(time=Time.DAY): "day, daytime, noon, sunny, sunny day",
    Place(time=Time.DAWN): "🌄, dawn, sunrise, morning",
    Place(time=Time.SUNSET): "🌅, 🌇, sunset, dusk, evening, golden hour, twilight",
    Place(time=Time.NIGHT): "🌃, night, nighttime, midnight, at night, moonlit, moonlight, nocturnal",
    Place(time=Time.NIGHT, starry=True): (
        "starry, starlit, starry sky, starry night, night sky, under the stars, under a starry sky"
    ),
    Place(weather=Weather.RAIN): "rain, rainy, in the rain",
    Place(weather=Weather.SNOW, snowy=True): "snowing, snowfall, snowstorm, blizzard",
    Place(weather=Weather.STORM): "storm, stormy, thunderstorm",
    Place(weather=Weather.FOG): "fog, foggy, mist, misty",
    Place(): "out of the water, out of water, from the water",
    Place(weather=Weather.CLOUDS): "cloudy, overcast",
}


def _places() -> Iterator[tuple[str, Place]]:
    for ground, words in _GROUNDS.items():
        for word in words.split(", "):
            yield word, Place(ground)
    for place, words in _OTHERS.items():
        for word in words.split(", "):
            yield word, place


WHERE: Final[Mapping[str, Ground]] = {
    "swim": Ground.LAKE,
    "surf": Ground.SEA,
    "sail": Ground.SEA,
    "ski": Ground.SNOW,
}
"""Where something is done, when no place is named."""

PLACES: Final[Mapping[str, Place]] = dict(_places())
FIELDS: Final = frozenset({"field", "fields", "garden", "farm", "meadow"})
"""Where the thing named before grows: a corn field."""
BACKGROUNDS: Final = frozenset({"background", "backdrop", "wallpaper"})
IN_BACKGROUND: Final = frozenset(
    {"in the background", "in background", "in the distance", "in the far distance"}
)
IN_FOREGROUND: Final = frozenset({"in the foreground", "in foreground", "up close", "close up"})
