"""Pictures: the same for the same seed, in any size, and their pixels show what was asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import InvalidRequest
from runtime.local.illustrator.drawing import drawn, svg_of
from runtime.local.illustrator.values import Ground, Rel
from runtime.picture import LEAST_SIDE, MOST_SIDE
from scripts.art.pixels import pixels
from tests.unit.runtime.illustrator.sketch import middle, near, picture, pieces, plan
from tests.unit.runtime.illustrator.test_reader import WORDS

RED, BLUE, WHITE = "#e5322d", "#2b7de9", "#fafafa"
SCENES = [ground for ground in Ground if ground is not Ground.STUDIO]
PLACES = {
    Ground.MOON: "on the moon",
    Ground.ICE: "on the ice",
    Ground.ROOM: "in a room",
    Ground.SNOW: "in the snow",
    Ground.UNDERWATER: "underwater",
}


def test_the_same_seed_gives_the_same_bytes() -> None:
    fox = plan("a fox and three birds in a snowy forest")
    assert drawn(fox, 320, 256, 7) == drawn(fox, 320, 256, 7)


def test_another_seed_gives_another_picture() -> None:
    fox = plan("a fox and three birds in a snowy forest")
    assert drawn(fox, 256, 256, 7) != drawn(fox, 256, 256, 8)


@pytest.mark.parametrize(
    ("width", "height"),
    [(LEAST_SIDE, LEAST_SIDE), (257, 1023), (1792, 1024), (LEAST_SIDE, MOST_SIDE)],
)
def test_any_size(width: int, height: int) -> None:
    assert picture("a cat on a beach", width, height).shape == (height, width, 4)


def test_every_pixel_is_painted() -> None:
    for ground in SCENES:
        place = PLACES.get(ground, f"at the {ground}")
        for time in ("", " at night", " at sunset"):
            prompt = f"a bird {place}{time}"
            assert plan(prompt).scene.ground is ground, prompt
            seen = picture(prompt, 96, 96)
            assert (seen[:, :, 3] == 255).all(), prompt


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("prompt", "axis", "order"),
    [
        ("a red heart to the left of a blue heart", 0, 1),
        ("a red heart to the right of a blue heart", 0, -1),
        ("a red heart above a blue heart", 1, 1),
        ("a red heart below a blue heart", 1, -1),
        ("a red heart on the left and a blue heart on the right", 0, 1),
        ("a red heart on the right and a blue heart on the left", 0, -1),
    ],
)
def test_relations_are_seen(prompt: str, axis: int, order: int, seed: int) -> None:
    seen = picture(f"{prompt} on a white background", seed=seed)
    red, blue = middle(near(seen, "#f8312f", 160)), middle(near(seen, "#0074ba", 160))
    assert order * (blue[axis] - red[axis]) > 20


def test_what_is_in_front_covers_what_is_behind() -> None:
    front = near(picture("a green bus in front of a red bus on a white background"), "#2eab4f", 120)
    behind = near(picture("a green bus behind a red bus on a white background"), "#2eab4f", 120)
    assert front.sum() > 1.3 * behind.sum() > 0


def test_a_rider_is_above_and_on_his_horse() -> None:
    seen = picture("a red heart on a blue couch on a white background")
    red, blue = middle(near(seen, RED, 90)), middle(near(seen, BLUE, 120))
    assert red[1] < blue[1]
    assert abs(red[0] - blue[0]) < 60


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 9, 12, 20])
@pytest.mark.parametrize("seed", [0, 1])
def test_counts_can_be_counted(count: int, seed: int) -> None:
    seen = picture(f"{count} yellow stars on a navy background", 512, 512, seed)
    assert pieces(near(seen, "#fcd53f", 120)) == count


@pytest.mark.parametrize(
    "thing",
    ["car", "cat", "heart", "elephant", "bicycle", "house", "bird", "t-shirt", "balloon", "frog"],
)
@pytest.mark.parametrize(("name", "hue"), [("blue", 255), ("green", 145), ("purple", 305), ("red", 27)])
def test_colours_are_as_asked(thing: str, name: str, hue: float) -> None:
    """Most of what is neither background nor grey has about the hue of the colour (OKLCH, degrees)."""
    from runtime.local.illustrator.colours import lch

    seen = picture(f"a {name} {thing} on a white background")
    ink = seen[~near(seen, WHITE, 30)][:, :3]
    colours, counts = np.unique(ink, axis=0, return_counts=True)
    asked = other = 0
    for (r, g, b), number in zip(colours.tolist(), counts.tolist(), strict=True):
        colour = lch(f"#{r:02x}{g:02x}{b:02x}")
        if colour.chroma > 0.06 and colour.lightness > 0.3:
            near_hue = abs((colour.hue - hue + 180) % 360 - 180) < 32
            asked, other = asked + near_hue * number, other + (not near_hue) * number
    assert asked > 0.45 * (asked + other), (asked, other)


def test_a_thing_that_has_the_colour_already_is_left_alone() -> None:
    assert (picture("a red heart", seed=3) == picture("a heart", seed=3)).mean() > 0.9


def test_sizes_are_seen() -> None:
    seen = picture("a huge red heart and a tiny blue heart on a white background", 512, 512)
    red, blue = near(seen, "#f8312f", 160).sum(), near(seen, "#0074ba", 160).sum()
    assert red > 6 * blue > 0


def test_the_art_is_credited_in_the_file() -> None:
    png = drawn(plan("a cat"), 256, 256, 0)
    assert b"Fluent Emoji: Microsoft Corporation, MIT" in png
    assert pixels(png).shape == (256, 256, 4)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14), st.integers(0, 2**31))
def test_whatever_can_be_planned_can_be_drawn(words: list[str], seed: int) -> None:
    try:
        made = plan(" ".join(words))
    except InvalidRequest:
        return
    svg = svg_of(made, 512, 384, seed)
    assert "nan" not in svg
    assert "inf" not in svg.replace("infinity", "")


@pytest.mark.parametrize("kind", list(Rel))
def test_every_relation_is_drawn(kind: Rel) -> None:
    words = {
        Rel.LEFT: "to the left of",
        Rel.RIGHT: "to the right of",
        Rel.BESIDE: "next to",
    }.get(kind, str(kind))
    second = {Rel.WEARING: "hats", Rel.HOLDING: "balls"}.get(kind, "trees")
    made = plan(f"two cats {words} two {second}")
    assert [relation.kind for relation in made.relations] == [kind]
    assert pixels(drawn(made, 256, 256, 0)).shape == (256, 256, 4)
