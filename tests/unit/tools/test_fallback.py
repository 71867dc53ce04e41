"""Which model the fallback tool names, over engines that are up and down."""

import pytest

from base.errors import ModelNotFound
from runtime.catalog import Catalog, Model, price_card
from runtime.engine import Modality
from tools.fallback import FallbackInput, FallbackOutput, Fallbacks

CHEAP = price_card("0.01", "0.01")
DEAR = price_card("9", "9")
CATALOG = Catalog(
    [
        Model("small", Modality.CHAT, "s", CHEAP, 4096, "MIT", ("glm-5.1",)),
        Model("large", Modality.CHAT, "l", DEAR, 4096, "MIT"),
        Model("larger", Modality.CHAT, "xl", price_card("10", "10"), 4096, "MIT"),
        Model("withdrawn", Modality.CHAT, "w", CHEAP, 4096, "MIT", status="unavailable"),
        Model("vectors", Modality.EMBEDDING, "v", CHEAP, 512, "MIT"),
    ]
)


async def fallback(model: str, *ready: str) -> FallbackOutput:
    run = Fallbacks(CATALOG, lambda _, name: name in ready).tool().run(FallbackInput(model=model), None)  # type: ignore[arg-type]
    await run.start()
    return FallbackOutput.model_validate(run.result().output)


async def test_a_model_that_is_up_is_its_own_answer() -> None:
    told = await fallback("glm-5.1", "s", "l")
    assert (told.available, told.use) == (True, "glm-5.1")
    assert [c.model for c in told.candidates if c.available] == ["large"]


async def test_the_nearest_price_that_is_up_comes_instead() -> None:
    told = await fallback("large", "s", "xl")
    assert (told.available, told.use) == (False, "larger")
    assert [(c.model, c.available) for c in told.candidates] == [
        ("larger", True),
        ("small", True),
        ("withdrawn", False),
    ]


async def test_a_model_that_its_operator_took_off_is_no_answer() -> None:
    told = await fallback("withdrawn", "s", "w")
    assert (told.available, told.use) == (False, "small")


async def test_a_documented_model_without_an_engine_has_fallbacks_too() -> None:
    told = await fallback("qwen3.5-27b", "s")
    assert (told.available, told.use) == (False, "small")


async def test_nothing_of_the_kind_is_up() -> None:
    assert (await fallback("vectors", "s")).use is None
    with pytest.raises(ModelNotFound):
        await fallback("nobody", "s")
