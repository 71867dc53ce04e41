"""Which model answers to which id, and what the others are told."""

import pytest

from base.errors import (
    BatchinError,
    EngineNotConfigured,
    InvalidRequest,
    ModelNotFound,
    ServiceUnavailable,
)
from base.settings import ModelSettings, SettingsError
from runtime.catalog import Catalog, Model, entry_card, price_card
from runtime.engine import Modality

CARD = price_card("0.02", "0.08")
CHAT = Model("talker-1b", Modality.CHAT, "talker", CARD, 4096, "MIT", ("qwen3-32b", "glm-5.1"))
EMBED = Model("vectors-s", Modality.EMBEDDING, "vec", CARD, 512, "MIT", ("bge-m3",), 384)
CATALOG = Catalog([CHAT, EMBED])


def test_ids_and_aliases_resolve() -> None:
    assert CATALOG.resolve("talker-1b", Modality.CHAT) is CHAT
    assert CATALOG.resolve("qwen3-32b", Modality.CHAT) is CHAT
    assert CATALOG.find("bge-m3") is EMBED
    assert list(CATALOG) == [CHAT, EMBED]


@pytest.mark.parametrize(
    ("asked", "modality", "error", "says"),
    [
        ("talker-1", Modality.CHAT, ModelNotFound, "Did you mean talker-1b?"),
        ("TALKER-1B", Modality.CHAT, ModelNotFound, "Did you mean talker-1b?"),
        ("zzz", Modality.CHAT, ModelNotFound, "There is no model 'zzz'."),
        ("", Modality.CHAT, ModelNotFound, "There is no model"),
        ("bge-m3", Modality.CHAT, InvalidRequest, "a model for embedding, not for chat"),
        ("talker-1b", Modality.EMBEDDING, InvalidRequest, "a model for chat, not for embedding"),
        ("wan-2.2", Modality.CHAT, InvalidRequest, "a model for video, not for chat"),
    ],
)
def test_other_ids(asked: str, modality: Modality, error: type[BatchinError], says: str) -> None:
    with pytest.raises(error) as caught:
        CATALOG.resolve(asked, modality)
    assert says in caught.value.message
    assert caught.value.param == "model"


@pytest.mark.parametrize("asked", ["wan-2.2", "cosyvoice", "flux-schnell", "whisper-large-v3-turbo"])
def test_a_documented_model_without_an_engine_is_known(asked: str) -> None:
    with pytest.raises(EngineNotConfigured):
        CATALOG.find(asked)


def test_a_documented_model_without_its_alias_is_not_found() -> None:
    strict = Catalog([Model("talker-1b", Modality.CHAT, "talker", CARD, 4096, "MIT")])
    with pytest.raises(ModelNotFound):
        strict.resolve("qwen3-32b", Modality.CHAT)
    with pytest.raises(EngineNotConfigured):
        strict.resolve("bge-m3", Modality.EMBEDDING)


def test_a_model_that_its_operator_took_off_is_refused_before_it_is_priced() -> None:
    off = Model("off", Modality.CHAT, "off", price_card("1", "1"), 64, "MIT", status="unavailable")
    with pytest.raises(ServiceUnavailable, match="off is not served"):
        Catalog([off]).resolve("off", Modality.CHAT)


def test_two_models_may_not_answer_to_one_name() -> None:
    with pytest.raises(ValueError, match="qwen3-32b"):
        Catalog([CHAT, Model("qwen3-32b", Modality.CHAT, "x", CARD, 1, "MIT")])


def test_a_card_is_named_by_its_prices() -> None:
    assert price_card("0.02", "0.08") == price_card("0.020", "0.0800")
    assert price_card("0.02", "0.08").version != price_card("0.08", "0.02").version
    assert (CARD.input_nano_per_mtok, CARD.output_nano_per_mtok) == (20_000_000, 80_000_000)


def test_a_price_that_is_no_price_names_the_model() -> None:
    with pytest.raises(SettingsError, match="prices of m"):
        entry_card(ModelSettings(id="m", modality="chat", input_usd_per_mtok="cheap"))


def test_without_any_model_of_a_modality_its_engine_is_what_is_missing() -> None:
    with pytest.raises(EngineNotConfigured, match="no engine for classify"):
        Catalog([]).resolve("sorter", Modality.CLASSIFY)
