"""The illustrator can be switched off, and strict models take its alias away."""

from pathlib import Path
from typing import Any

import pytest

from base.errors import EngineNotConfigured, ModelNotFound
from base.settings import Settings
from runtime.catalog import Catalog
from runtime.engine import Modality
from runtime.local.embedder import EmbeddingWeights
from runtime.local.pictures import picture_engines

WEIGHTS = EmbeddingWeights(Path("weights"), Path("tokenizer"), "minilm", "sha256:0")


def catalog(**settings: Any) -> Catalog:
    return Catalog(picture_engines(Settings.model_construct(**settings), WEIGHTS)[1])


def test_the_documented_id_is_an_alias_of_the_illustrator() -> None:
    model = catalog().resolve("flux-schnell", Modality.IMAGE)
    assert (model.id, model.owned_by) == ("embedded-illustrator", "batchin")
    assert "not a neural image model" in model.description
    assert model.card.nano_per_image == 1_000_000


def test_switched_off_there_is_no_engine() -> None:
    with pytest.raises(EngineNotConfigured):
        catalog(illustrator=False).resolve("flux-schnell", Modality.IMAGE)


def test_strict_models_have_no_alias() -> None:
    strict = catalog(strict_models=True)
    assert strict.resolve("embedded-illustrator", Modality.IMAGE).aliases == ()
    with pytest.raises(ModelNotFound):
        strict.resolve("flux-schnell", Modality.IMAGE)
