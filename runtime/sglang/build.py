"""The launched SGLang that the settings ask for, and the model that it serves."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from base.settings import ModelSettings, Settings, SettingsError
from runtime.catalog import Model, entry_card
from runtime.engine import Modality
from runtime.http.message import Limits
from runtime.local.artifacts import user_cache_dir
from runtime.local.cores import engine_threads
from runtime.local.weights import BUNDLED
from runtime.sglang.environment import Build, installed_environment
from runtime.sglang.launched import Launched
from runtime.sglang.plan import LaunchPlan

_CONTEXT: Final = 4096  # of a model whose configuration is not here
_SERVED: Final = (Modality.CHAT, Modality.EMBEDDING, Modality.RERANK, Modality.CLASSIFY)


def launched_engine(
    settings: Settings, limits: Limits, priorities: Mapping[str, int]
) -> tuple[Launched, Model]:
    """``engine = "sglang"``: not started yet. Reads files. Raises SettingsError."""
    python, build = _interpreter(settings)
    entry = _entry(settings)
    plan = LaunchPlan(
        python=python,
        build=build,
        model=settings.model,
        served_as=entry.id,
        kind=Modality(entry.modality),
        args=settings.sglang_args,
        max_queued=settings.max_queued,
        threads=settings.engine_threads or engine_threads(),
        start_s=settings.sglang_start_s,
        silence_s=settings.sglang_silence_s,
    )
    plan.program()  # a wrong flag is told before anything starts
    model = Model(
        id=entry.id,
        modality=plan.kind,
        engine_model=entry.id,
        card=entry_card(entry),
        context_length=entry.context_length,
        license=entry.license,
        aliases=entry.aliases,
        status=entry.status or "always_on",
        infill=plan.fills_in,
    )
    return Launched("sglang", plan, priorities, limits), model


def _interpreter(settings: Settings) -> tuple[Path, Build]:
    if settings.sglang_python is not None:
        if not settings.sglang_python.is_file():
            raise SettingsError(f"sglang_python = {settings.sglang_python}: no such file")
        return settings.sglang_python, "gpu"
    environment = installed_environment(settings.cache_dir or user_cache_dir())
    if environment is None:
        raise SettingsError(
            "engine = sglang: SGLang is not installed. Run batchin engines install sglang (--cpu where "
            "no GPU is), or name a Python that has it with sglang_python."
        )
    return environment.python, environment.build


def _entry(settings: Settings) -> ModelSettings:
    """The one ``[[models]]`` entry, else what the model's own folder tells."""
    if settings.model == BUNDLED:
        raise SettingsError(
            "engine = sglang: model names what it serves, a folder of weights or a hub id"
        )
    if len(settings.models) > 1:
        raise SettingsError("engine = sglang: one server serves one model; [[models]] names more")
    entry = settings.models[0] if settings.models else _default(settings.model)
    if entry.modality not in _SERVED:
        raise SettingsError(f"engine = sglang: it is not launched for {entry.modality}")
    return entry


def _default(model: str) -> ModelSettings:
    told = _configuration(Path(model) / "config.json")
    context = told.get("max_position_embeddings")
    return ModelSettings(
        id=model.rstrip("/").rpartition("/")[2].lower(),
        modality="chat",
        context_length=context if isinstance(context, int) and context > 0 else _CONTEXT,
    )


def _configuration(file: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
