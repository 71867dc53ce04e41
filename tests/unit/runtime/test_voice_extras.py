"""Without their packages the engines of sound are not there, and whoever asks for one is told so."""

import importlib.util
from typing import Any

import pytest

from base.errors import EngineNotConfigured
from base.settings import Settings
from runtime.catalog import Catalog
from runtime.engine import Modality
from runtime.local.voice import voice_engines


def catalog_without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> Catalog:
    real = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> Any:
        return None if name in missing else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    return Catalog(voice_engines(Settings.model_construct(), 1)[1])


def test_with_both_extras_the_documented_ids_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = catalog_without(monkeypatch)
    assert catalog.resolve("cosyvoice", Modality.SPEECH).id == "kokoro-82m-v1.0-int8"
    assert catalog.resolve("whisper-large-v3-turbo", Modality.TRANSCRIPTION).measure is not None


@pytest.mark.parametrize(
    ("missing", "asked", "modality"),
    [
        ("sanotts", "cosyvoice", Modality.SPEECH),
        ("faster_whisper", "whisper-large-v3-turbo", Modality.TRANSCRIPTION),
    ],
)
def test_without_an_extra_its_id_has_no_engine(
    monkeypatch: pytest.MonkeyPatch, missing: str, asked: str, modality: Modality
) -> None:
    with pytest.raises(EngineNotConfigured):
        catalog_without(monkeypatch, missing).resolve(asked, modality)
