"""A moderation model that is not there is found out at the start."""

import pytest

from base.moderation_settings import ModerationSettings
from base.pricing import PriceCard
from base.settings import SettingsError
from runtime.catalog import Catalog, Model
from runtime.engine import Modality
from server.tools import moderating

CARD = PriceCard("m", 1, 0)
CATALOG = Catalog(
    [
        Model("guard", Modality.CLASSIFY, "guard", CARD, 4096, "MIT", aliases=("watch",)),
        Model("talker", Modality.CHAT, "talker", CARD, 4096, "MIT"),
    ]
)


def chosen(model: str) -> ModerationSettings:
    return ModerationSettings(model=model, categories=("", "hate"))


@pytest.mark.parametrize("model", ["gaurd", "talker", "watch"], ids=["unknown", "other", "an alias"])
def test_another_model_than_one_that_classifies_is_refused(model: str) -> None:
    with pytest.raises(SettingsError, match=rf"^moderation.model = '{model}': .* here are guard$"):
        moderating(chosen(model), CATALOG)


def test_one_that_classifies_moderates() -> None:
    assert moderating(chosen("guard"), CATALOG) == chosen("guard")
    assert moderating(None, CATALOG) is None
