"""The grammar: what is read out of a prompt, and that nothing makes it stumble."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import InvalidRequest
from runtime.local.illustrator.tokens import singular
from runtime.local.illustrator.values import Ground, Rel, Spot, Time, Weather
from tests.unit.runtime.illustrator.sketch import art, plan, planner, reading

GRAMMAR = """
a the two three red blue big tiny on in of with and , to left right next between under wearing holding
riding beach night background no without photo style very . 7 0 999999 🐶
"""
WORDS = sorted({word for phrase in art().phrases for word in phrase.split()} | set(GRAMMAR.split()))


def read_things(prompt: str) -> list[tuple[int, str]]:
    return [(phrase.count, phrase.words) for phrase in reading(prompt).phrases]


@pytest.mark.parametrize(
    ("prompt", "things"),
    [
        ("a cat", [(1, "cat")]),
        ("three cats and a dog", [(3, "cats"), (1, "dog")]),
        ("twelve red roses", [(12, "roses")]),
        ("a dozen eggs", [(12, "eggs")]),
        ("7 balloons", [(7, "balloons")]),
        ("cats", [(3, "cats")]),
        ("a pair of scissors", [(2, "scissors")]),
        ("two slices of pizza", [(2, "pizza")]),
        ("a hot dog", [(1, "hot dog")]),
        ("two teddy bears", [(2, "teddy bears")]),
        ("a photo of a cat, 4k, highly detailed", [(1, "cat")]),
        ("an orange", [(1, "orange")]),
        ("cat & dog", [(1, "cat"), (1, "dog")]),
        ("A CAT!!!", [(1, "cat")]),
        ("🐶 🐱", [(1, "🐶"), (1, "🐱")]),
        ("a cat without a hat", [(1, "cat")]),
        ("a corn field", [(5, "corn")]),
        ("999999 cats", [(60, "cats")]),
        ("0 cats and a dog", [(1, "dog")]),
        ("twenty five cats", [(25, "cats")]),
        ("three dozen eggs", [(36, "eggs")]),
        ("forty cats and fifty dogs", [(40, "cats"), (50, "dogs")]),
    ],
)
def test_what_and_how_many(prompt: str, things: list[tuple[int, str]]) -> None:
    found = read_things(prompt)
    if prompt == "🐶 🐱":
        found = [(phrase.count, phrase.known) for phrase in reading("🐶, 🐱").phrases]
    assert found == things


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("a cat to the left of a dog", Rel.LEFT),
        ("a cat on the right side of a dog", Rel.RIGHT),
        ("a bird above a house", Rel.ABOVE),
        ("a whale below a boat", Rel.BELOW),
        ("a car in front of a castle", Rel.FRONT),
        ("a car behind a castle", Rel.BEHIND),
        ("a monkey riding a bicycle", Rel.ON),
        ("a cat that is sitting on a sofa", Rel.ON),
        ("a rabbit in a basket", Rel.IN),
        ("a man wearing a hat", Rel.WEARING),
        ("a robot holding a flower", Rel.HOLDING),
        ("a bee next to a flower", Rel.BESIDE),
        ("hearts around a bear", Rel.AROUND),
        ("a guitar leaning against a couch", Rel.AGAINST),
        ("a dragon flying over a castle", Rel.ABOVE),
    ],
)
def test_relations(prompt: str, kind: Rel) -> None:
    (relation,) = reading(prompt).relations
    assert (relation.kind, relation.first, relation.second) == (kind, 0, 1)


def test_a_full_container_holds_what_is_named_second() -> None:
    (relation,) = reading("a basket full of apples").relations
    assert (relation.kind, relation.first, relation.second) == (Rel.IN, 1, 0)


def test_between_two_things_or_two_of_one() -> None:
    (two,) = reading("a train between two trees").relations
    assert (two.kind, two.third) == (Rel.BETWEEN, None)
    (pair,) = reading("a train between a tree and a house").relations
    assert (pair.kind, pair.first, pair.second, pair.third) == (Rel.BETWEEN, 0, 1, 2)


def test_a_relation_speaks_of_the_wearer_and_not_of_the_hat() -> None:
    worn, sits = reading("a cat wearing a hat on a sofa").relations
    assert (worn.kind, worn.first, worn.second) == (Rel.WEARING, 0, 1)
    assert (sits.kind, sits.first, sits.second) == (Rel.ON, 0, 2)


def test_several_things_on_one() -> None:
    relations = reading("a cat and a dog on a sofa").relations
    assert [(r.kind, r.first, r.second) for r in relations] == [(Rel.ON, 0, 2), (Rel.ON, 1, 2)]


def test_colour_belongs_to_its_noun() -> None:
    apple, star = reading("a green apple and a star that is blue").phrases
    assert apple.words == "green apple"
    assert apple.colour is None  # it is an apple of its own in the art
    assert star.colour is not None
    assert star.colour.name == "blue"


def test_size() -> None:
    elephant, mouse = reading("a huge elephant and a tiny mouse").phrases
    assert elephant.size > 1 > mouse.size


def test_background_is_no_thing() -> None:
    read = reading("a pizza on a light blue background")
    assert [phrase.words for phrase in read.phrases] == ["pizza"]
    assert read.relations == ()
    assert read.scene.background == "#9cd3fb"


@pytest.mark.parametrize(
    ("prompt", "ground", "time", "weather"),
    [
        ("a dog on a beach", Ground.BEACH, None, Weather.CLEAR),
        ("a rocket in outer space", Ground.SPACE, None, Weather.CLEAR),
        ("a city at night", Ground.CITY, Time.NIGHT, Weather.CLEAR),
        ("a fox in a rainy forest at sunset", Ground.FOREST, Time.SUNSET, Weather.RAIN),
        ("an octopus under the sea", Ground.UNDERWATER, None, Weather.CLEAR),
        ("a cat in a cozy living room", Ground.ROOM, None, Weather.CLEAR),
        ("a moose in a snowstorm", Ground.SNOW, None, Weather.SNOW),
        ("a cow", Ground.STUDIO, None, Weather.CLEAR),
    ],
)
def test_scenes(prompt: str, ground: Ground, time: Time | None, weather: Weather) -> None:
    scene = reading(prompt).scene
    assert (scene.ground, scene.time, scene.weather) == (ground, time, weather)


def test_a_scene_may_lie_behind_another() -> None:
    scene = reading("a lake with mountains in the background").scene
    assert scene.ground is Ground.LAKE
    assert scene.far == (Ground.MOUNTAINS,)


def test_places_in_the_frame() -> None:
    cat, dog = reading("a cat on the left and a dog on the right").phrases
    assert (cat.spot, dog.spot) == (Spot.LEFT, Spot.RIGHT)


def test_what_has_no_effect_is_reported() -> None:
    ignored = plan("a watercolor painting of a fluffy cat in the style of Monet").ignored
    assert {"watercolor", "painting", "fluffy", "in the style of monet"} <= set(ignored)


def test_features_of_a_thing_are_not_drawn_beside_it() -> None:
    assert [thing.concept.name for thing in plan("a cat with big blue eyes").things] == ["cat"]


@pytest.mark.parametrize(
    "prompt", ["", "   ", "beautiful, 4k, masterpiece", "the of and", "!?!", "in the style of Monet"]
)
def test_a_prompt_that_names_nothing_is_refused(prompt: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        plan(prompt)
    assert refused.value.param == "prompt"


def test_too_much_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="too much"):
        plan("fifty cats, fifty dogs, fifty cows, fifty pigs")


@pytest.mark.parametrize(
    ("plural", "one"),
    [("cats", "cat"), ("foxes", "fox"), ("cherries", "cherry"), ("mice", "mouse"), ("wolves", "wolf")],
)
def test_plurals(plural: str, one: str) -> None:
    assert singular(plural) == one


@pytest.mark.parametrize("word", ["glass", "octopus", "bus", "tennis", "a", "is"])
def test_what_is_no_plural(word: str) -> None:
    assert singular(word) is None


@given(st.text(max_size=300))
def test_any_text_is_read(prompt: str) -> None:
    _read_or_refused(prompt)


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_words_are_read(words: list[str]) -> None:
    _read_or_refused(" ".join(words))


@given(st.text(alphabet=string.punctuation + string.whitespace + "ab", max_size=200))
def test_any_marks_are_read(prompt: str) -> None:
    _read_or_refused(prompt)


def _read_or_refused(prompt: str) -> None:
    read = reading(prompt)
    for relation in read.relations:
        parts = {relation.first, relation.second} | ({relation.third} - {None})
        assert parts <= set(range(len(read.phrases)))
    try:
        made = planner().plan(prompt)
    except InvalidRequest:
        return
    assert made.things or made.scene.named


@pytest.mark.parametrize(
    ("prompt", "things"),
    [
        ("two kids building a snowman", [(2, "kids"), (1, "snowman")]),
        ("a man with a hat looks at a map", [(1, "man"), (1, "hat"), (1, "map")]),
        ("two foxes and an owl sit around a fire", [(2, "foxes"), (1, "owl"), (1, "fire")]),
        ("a parrot on a sailor's shoulder", [(1, "parrot"), (1, "sailor")]),
        ("a crocodile brushing its teeth", [(1, "crocodile")]),
        ("a wizard casting a spell", [(1, "wizard")]),
        ("five ducks in a row", [(5, "ducks")]),
        ("once upon a time there was a dragon", [(1, "dragon")]),
        ("logo for a bakery: a croissant", [(1, "croissant")]),
        ("a child's drawing of a house", [(1, "house")]),
    ],
)
def test_what_people_do_and_how_they_ask(prompt: str, things: list[tuple[int, str]]) -> None:
    assert read_things(prompt) == things


def test_what_is_done_somewhere_happens_there() -> None:
    assert reading("a duck swimming").scene.ground is Ground.LAKE
    assert reading("a duck swimming in a bathtub").scene.ground is Ground.STUDIO
    assert reading("a cat surfing at night").scene.ground is Ground.SEA


@pytest.mark.parametrize("prompt", ["swimming", "surfing", "skiing at", "sails"])
def test_what_is_done_by_nobody_is_nothing_to_draw(prompt: str) -> None:
    with pytest.raises(InvalidRequest, match="names nothing to draw"):
        planner().plan(prompt)
