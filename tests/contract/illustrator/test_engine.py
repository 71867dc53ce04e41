"""The engine: its child, its events, its refusals before anything is paid."""

import asyncio
import os

import pytest

from base.errors import InvalidRequest
from base.usage import Usage
from runtime.engine import EngineCall, EngineState, Event, Fault, Metered, Modality, Started
from runtime.local.illustrator.art import load_art
from runtime.local.illustrator.engine import ILLUSTRATOR_ID, LocalIllustrator
from runtime.local.illustrator.planner import Undrawable
from runtime.local.lazy_child import Patience
from runtime.picture import Picture
from scripts.art.pixels import pixels
from tests.contract.illustrator.conftest import weights

pytestmark = pytest.mark.asyncio(loop_scope="package")


def call(prompt: str, seeds: tuple[int, ...] = (1,), side: int = 256) -> EngineCall:
    body = {"prompt": prompt, "width": side, "height": side, "seeds": list(seeds)}
    return EngineCall(f"run_{os.urandom(6).hex()}", Modality.IMAGE, ILLUSTRATOR_ID, body, "acct_1")


async def drawn(engine: LocalIllustrator, asked: EngineCall) -> list[Event]:
    async with engine.run(asked) as events:
        return [event async for event in events]


async def test_pictures_come_between_start_and_usage(illustrator: LocalIllustrator) -> None:
    started, first, second, metered = await drawn(illustrator, call("a red car on a beach", (5, 6)))
    assert started == Started(ILLUSTRATOR_ID, load_art().revision, "resvg", "0.5.0")
    assert isinstance(first, Picture)
    assert isinstance(second, Picture)
    assert (first.seed, second.seed) == (5, 6)
    assert pixels(first.data).shape == (256, 256, 4)
    assert first.data != second.data
    assert metered == Metered(Usage(images=2))


async def test_the_answer_tells_what_was_understood(illustrator: LocalIllustrator) -> None:
    _, picture, _ = await drawn(illustrator, call("a watercolor of two fluffy kittens on a red sofa"))
    assert isinstance(picture, Picture)
    assert picture.told == "2 x cat on 1 x red couch"
    assert list(picture.ignored) == ["watercolor", "fluffy"]
    matched = {"how": "alias", "score_permille": 1000}
    assert picture.facts == {
        "matched": [
            {"concept": "cat", **matched, "count": 2},
            {"concept": "couch", **matched, "count": 1, "colour": "red"},
        ],
        "scene": [],
        "ignored": 2,
    }


async def test_the_same_seed_draws_the_same_picture(illustrator: LocalIllustrator) -> None:
    one = await drawn(illustrator, call("five birds in the sky", (42,)))
    two = await drawn(illustrator, call("five birds in the sky", (42,)))
    assert one == two


async def test_it_draws_in_a_process_of_its_own(illustrator: LocalIllustrator) -> None:
    await drawn(illustrator, call("a cat"))
    assert illustrator.pid not in (None, os.getpid())


async def test_a_prompt_is_checked_before_it_is_paid(illustrator: LocalIllustrator) -> None:
    assert await illustrator.check("a red apple") == "1 x red apple"
    with pytest.raises(Undrawable) as refused:
        await illustrator.check("a lighthouse next to a cat")
    (unknown,) = refused.value.unknown
    assert unknown.words == "lighthouse"
    assert unknown.nearest[0][0] == "flashlight"
    assert all(0 <= score < 0.68 for _, score in unknown.nearest)
    with pytest.raises(InvalidRequest, match="nothing to draw"):
        await illustrator.check("masterpiece, 4k")


async def test_what_was_not_checked_ends_as_a_fault(illustrator: LocalIllustrator) -> None:
    (fault,) = await drawn(illustrator, call("a lighthouse"))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.retryable, fault.status) == ("invalid", False, 400)


async def test_many_at_once(illustrator: LocalIllustrator) -> None:
    answers = await asyncio.gather(*(drawn(illustrator, call("a cat", (n,))) for n in range(8)))
    assert all(isinstance(answer[-1], Metered) for answer in answers)


async def test_it_loads_nothing_until_it_is_asked() -> None:
    engine = LocalIllustrator(weights(), 4, Patience(silence_s=60, idle_s=600))
    async with engine:
        assert await engine.ready()
        assert engine.pid is None
        assert engine.health().detail == {"loaded": False}
    assert engine.state is EngineState.STOPPED
    (fault,) = await drawn(engine, call("a cat"))
    assert isinstance(fault, Fault)
    assert fault.kind == "unavailable"
