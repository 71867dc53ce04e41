"""From settings to a launched SGLang, and its installation."""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from base.settings import ModelSettings, Settings, SettingsError, load_settings
from runtime.engine import Modality
from runtime.http.message import Limits
from runtime.sglang.build import launched_engine
from runtime.sglang.environment import environment, installed_environment, pinned_version
from runtime.sglang.install import InstallFailed, Stage, install


def settings(**given: Any) -> Settings:
    return load_settings(engine="sglang", **given)


def launch(**given: Any) -> tuple[frozenset[Modality], Any]:
    """What the engine does, and its model."""
    engine, model = launched_engine(settings(**given), Limits(), {"shared": 0})
    return engine.modalities, model


@pytest.fixture
def python(tmp_path: Path) -> Path:
    (tmp_path / "python").touch()
    return tmp_path / "python"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "Tiny-Qwen3").mkdir()
    (tmp_path / "Tiny-Qwen3" / "config.json").write_text('{"max_position_embeddings": 2048}')
    return tmp_path / "Tiny-Qwen3"


def finished(cache: Path, build: Any = "cpu") -> None:
    """An environment as an installation leaves it, without what is in it."""
    made = environment(cache, build)
    made.python.parent.mkdir(parents=True)
    made.python.touch()
    made.state_file.write_text(json.dumps({"build": build, "digest": "x"}))


def test_a_folder_tells_its_name_and_its_context(python: Path, weights: Path) -> None:
    does, model = launch(sglang_python=python, model=str(weights))
    assert does == {Modality.CHAT, Modality.COMPLETION}
    assert (model.id, model.context_length, model.infill) == ("tiny-qwen3", 2048, False)


def test_the_models_entry_wins(python: Path, weights: Path) -> None:
    entry = ModelSettings(id="mine", modality="embedding", context_length=512, aliases=("other",))
    does, model = launch(sglang_python=python, model=str(weights), models=(entry,))
    assert does == {Modality.EMBEDDING, Modality.RERANK}
    assert (model.id, model.context_length, model.aliases) == ("mine", 512, ("other",))


def test_a_completion_template_fills_in(python: Path, weights: Path) -> None:
    args = ("--completion-template", "qwen_coder")
    _, model = launch(sglang_python=python, model=str(weights), sglang_args=args)
    assert model.infill


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "model names what it serves"),
        ({"model": "/w", "sglang_args": ("--port", "1")}, "--port is set by batchin itself"),
        ({"model": "/w", "models": (ModelSettings(id="a", modality="speech"),)}, "for speech"),
        (
            {
                "model": "/w",
                "models": (
                    ModelSettings(id="a", modality="chat"),
                    ModelSettings(id="b", modality="chat"),
                ),
            },
            "one server serves one model",
        ),
    ],
)
def test_what_can_not_be_launched_is_a_wrong_setting(
    python: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        launch(sglang_python=python, **given)


def test_a_python_that_is_not_there_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="sglang_python"):
        launch(sglang_python=tmp_path / "nope", model="/w")


def test_an_installation_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="batchin engines install sglang"):
        launch(cache_dir=tmp_path, model="/w")


def test_the_build_for_gpus_is_taken_where_both_are(tmp_path: Path) -> None:
    finished(tmp_path, "cpu")
    found = installed_environment(tmp_path)
    assert found is not None
    assert (found.build, found.version) == ("cpu", pinned_version())
    finished(tmp_path, "gpu")
    found = installed_environment(tmp_path)
    assert found is not None
    assert found.build == "gpu"


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the CPU build is for these alone"
)
def test_an_installation_that_fails_says_why_and_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    told: list[Stage] = []
    with pytest.raises(InstallFailed, match=r"SGLang could not be installed: .*==.*What pip said"):
        install(tmp_path, "cpu", told.append)
    assert installed_environment(tmp_path) is None
    assert told[0].total > 100
    assert "No matching distribution" in environment(tmp_path, "cpu").log.read_text()
