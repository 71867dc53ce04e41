"""Words that say how things stand to each other, and where in the picture."""

from collections.abc import Mapping
from typing import Final

from runtime.local.illustrator.listed import listed
from runtime.local.illustrator.values import Rel, Spot

_SIDES: Final = ("to the {} of", "on the {} of", "at the {} of", "on the {} side of", "{} of")
_NEAR: Final = (
    *("next to", "beside", "besides", "alongside", "along", "near", "nearby", "near to", "close to"),
    *("by", "together with", "with", "at", "from", "to", "towards", "toward", "after"),
    *("for", "facing", "among", "across", "opposite", "past", "outside", "at the edge of"),
    *("at the foot of", "at the end of", "tied to", "attached to", "pulled by", "followed by"),
    *("chased by", "guarded by", "accompanied by"),
)

_PARTS: Final = ("back", "roof", "edge", "tip", "shoulder", "lap", "head", "branch", "surface", "ledge")

RELATIONS: Final[Mapping[str, Rel]] = {
    **{side.format("left"): Rel.LEFT for side in _SIDES},
    **{side.format("right"): Rel.RIGHT for side in _SIDES},
    **dict.fromkeys(_NEAR, Rel.BESIDE),
    "against": Rel.AGAINST,
    **dict.fromkeys(("between", "in between", "amid"), Rel.BETWEEN),
    **dict.fromkeys(("above", "over", "high above"), Rel.ABOVE),
    **dict.fromkeys(("below",), Rel.BELOW),
    **dict.fromkeys(("under", "beneath", "underneath"), Rel.UNDER),
    **dict.fromkeys(("on", "onto", "upon", "on top of", "atop", "on the top of"), Rel.ON),
    **dict.fromkeys((f"on the {part} of" for part in _PARTS), Rel.ON),
    **dict.fromkeys(("topped with", "decorated with", "covered with", "covered in"), Rel.ON),
    **dict.fromkeys(("in the middle of", "in the center of", "in the centre of"), Rel.IN),
    **dict.fromkeys(("in front of", "before"), Rel.FRONT),
    **dict.fromkeys(("behind", "in back of"), Rel.BEHIND),
    **dict.fromkeys(("in", "inside", "inside of", "into", "within", "through"), Rel.IN),
    **dict.fromkeys(("full of", "filled with", "containing"), Rel.IN),
    **dict.fromkeys(("around", "surrounding", "surrounded by"), Rel.AROUND),
    **dict.fromkeys(("holding", "holding up", "carrying"), Rel.HOLDING),
    **dict.fromkeys(("wearing", "dressed in", "dressed up in"), Rel.WEARING),
}

TURNED: Final = frozenset(
    {"full of", "filled with", "containing", "surrounded by"}
    | {"topped with", "decorated with", "covered with", "covered in"}
)
"""Relations whose first thing is named second: a basket full of apples."""

VERBS: Final[Mapping[str, Rel]] = {
    **dict.fromkeys(
        listed("ride sit stand lie sleep rest perch climb jump hop skate ski surf sail balance"), Rel.ON
    ),
    **dict.fromkeys(
        listed("hold carry eat drink play read bring lift hug wave throw catch use juggle lick sip"),
        Rel.HOLDING,
    ),
    **dict.fromkeys(listed("wear"), Rel.WEARING),
    **dict.fromkeys(listed("swim bathe drive live hide grow"), Rel.IN),
    **dict.fromkeys(listed("fly float hover soar leap glow shine rise"), Rel.ABOVE),
    **dict.fromkeys(
        listed(
            """
            lean chase follow kick watch look stare walk run race dance sing smile laugh cry wait meet
            kiss fight attack guard pull push talk speak bark graze gallop wander travel explore cook
            work study sniff roar leave pass enjoy have feature include show crawl roam cuddle snuggle
            build brush water bake plant pick feed drop stop deliver fix repair wash clean sweep sell
            buy open close point cast fish tell make paint greet help
            face relax camp bloom blossom park stretch yawn nap march cross visit
            """
        ),
        Rel.BESIDE,
    ),
}
AIRBORNE: Final = listed("fly float hover soar leap jump")
"""Verbs that take their subject off the ground."""

_CORNERS: Final[Mapping[str, Spot]] = {
    "top left": Spot.TOP_LEFT,
    "upper left": Spot.TOP_LEFT,
    "top right": Spot.TOP_RIGHT,
    "upper right": Spot.TOP_RIGHT,
    "bottom left": Spot.BOTTOM_LEFT,
    "lower left": Spot.BOTTOM_LEFT,
    "bottom right": Spot.BOTTOM_RIGHT,
    "lower right": Spot.BOTTOM_RIGHT,
}

SPOTS: Final[Mapping[str, Spot]] = {
    **{f"{at} the left": Spot.LEFT for at in ("on", "at", "to")},
    **{f"{at} the right": Spot.RIGHT for at in ("on", "at", "to")},
    "on the left side": Spot.LEFT,
    "on the right side": Spot.RIGHT,
    **dict.fromkeys(("at the top", "on top", "on the top"), Spot.TOP),
    **dict.fromkeys(("at the bottom", "on the bottom"), Spot.BOTTOM),
    **dict.fromkeys(("in the center", "in the centre", "in the middle", "centered"), Spot.CENTER),
    **_CORNERS,
    **{f"in the {corner}": spot for corner, spot in _CORNERS.items()},
    **{f"in the {corner} corner": spot for corner, spot in _CORNERS.items()},
}
