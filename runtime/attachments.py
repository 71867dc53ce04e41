"""The attached engines that the settings name, and the models that they answer for."""

import asyncio
import itertools
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from base.clock import Clock
from base.engine_settings import EngineSettings
from base.settings import ModelSettings, Settings, SettingsError
from runtime.attached import Attached, Attachment
from runtime.catalog import Model, entry_card
from runtime.discovery import Listed, listed_models
from runtime.engine import Modality
from runtime.flavours import Flavour, OpenAi
from runtime.http.message import Limits
from runtime.local.lazy_child import Patience
from runtime.local.sound_meter import SoundMeter, meter_installed, sound_meter
from runtime.routing.lanes import PRIORITIES
from runtime.routing.replica import Replica, Service
from runtime.sglang.diffusion import SgLangDiffusion
from runtime.sglang.flavour import SgLang
from runtime.sglang.omni import SgLangOmni

_CONTEXT: Final = 4096  # of a model whose server does not tell
_TEXT: Final = (Modality.CHAT, Modality.EMBEDDING, Modality.RERANK, Modality.CLASSIFY)
_SERVES: Final[Mapping[str, tuple[Modality, ...]]] = {
    "sglang": (*_TEXT, Modality.TRANSCRIPTION),
    "sglang-diffusion": (Modality.IMAGE, Modality.VIDEO),
    "sglang-omni": (Modality.SPEECH, Modality.TRANSCRIPTION),
    "openai": (*_TEXT, Modality.SPEECH, Modality.TRANSCRIPTION),
}


async def attached(
    settings: Settings, limits: Limits, clock: Clock
) -> tuple[list[Replica], list[Model]]:
    """Replicas of the servers and the models that at least one of them serves.

    Raises SettingsError.
    """
    entries = {entry.id: entry for entry in settings.models}
    flavours = _flavours(frozenset(entry.id for entry in settings.models if entry.infill))
    named = _named(_engines(settings))
    lists = await asyncio.gather(
        *(_asked(engine, flavours[engine.kind], limits, entries) for _, engine in named)
    )
    known = list(itertools.chain(*lists))
    meter = _meter(settings)
    replicas: list[Replica] = []
    served: dict[str, ModelSettings] = {}
    for (name, engine), told in zip(named, lists, strict=True):
        models = {entry.id: entry for entry in told or _able(engine.kind, known)}
        _check(engine, models.values())
        served |= models
        attachment = _attachment(name, engine, flavours[engine.kind], models, limits, meter)
        service = _service(engine, models)
        replicas.append(Replica(Attached(attachment), service, clock, settings.silence_s))
    return replicas, [_model(entry, meter) for entry in served.values()]


def _meter(settings: Settings) -> SoundMeter | None:
    """What measures sound before its transcription is priced, where any is transcribed elsewhere.

    Raises SettingsError where nothing decodes sound.
    """
    if all(entry.modality != "transcription" for entry in settings.models):
        return None
    if not meter_installed():
        raise SettingsError(
            "models: a transcription is priced by the length of its sound, and nothing here decodes "
            "sound. Install batchin with the extra stt."
        )
    return sound_meter(settings.max_audio_s, Patience(settings.between_events_s, settings.engine_idle_s))


def _able(kind: str, entries: Iterable[ModelSettings]) -> list[ModelSettings]:
    """Those that an engine of this kind can serve."""
    return [entry for entry in entries if entry.modality in _SERVES[kind]]


def _check(engine: EngineSettings, entries: Collection[ModelSettings]) -> None:
    """Raises SettingsError for an engine without models, and for models that it can't serve."""
    if not entries:
        raise SettingsError(
            f"engine: no [[models]] in the settings for {engine.kind}, and {engine.url} lists none at "
            "/v1/models. Name the models that it serves, or start it first."
        )
    able = _able(engine.kind, entries)
    for entry in entries:
        if entry not in able:
            raise SettingsError(
                f"models: {entry.id} is for {entry.modality}; an engine of kind {engine.kind} serves "
                f"{', '.join(_SERVES[engine.kind])}"
            )


def _engines(settings: Settings) -> Sequence[EngineSettings]:
    """Those of ``engine``, then ``[[engines]]``."""
    kind, _, urls = settings.engine.partition("=")
    if not urls:
        return settings.engines
    common = {
        "kind": kind,
        "api_key": settings.engine_api_key,
        "admin_key": settings.engine_admin_key,
        "max_queued": settings.max_queued,
        "power_w": settings.power_w,
    }
    if "max_running" in settings.model_fields_set:
        common["max_running"] = settings.max_running
    return (
        *(EngineSettings.model_validate({"url": url, **common}) for url in urls.split(",")),
        *settings.engines,
    )


def _named(engines: Sequence[EngineSettings]) -> Sequence[tuple[str, EngineSettings]]:
    """Each under its name; one alone of its kind is called by its kind. Raises SettingsError."""
    kinds = [engine.kind for engine in engines]
    counts: dict[str, int] = {}
    named: dict[str, EngineSettings] = {}
    for engine in engines:
        number = counts[engine.kind] = counts.get(engine.kind, 0) + 1
        numbered = engine.kind if kinds.count(engine.kind) == 1 else f"{engine.kind}-{number}"
        name = engine.name or numbered
        if name in named:
            raise SettingsError(f"engines: two are named {name!r}")
        named[name] = engine
    return list(named.items())


def _flavours(infills: frozenset[str]) -> Mapping[str, Flavour]:
    """The salt is new at each start: prefix caches are not shared across it, nor between tenants."""
    return {
        "sglang": SgLang(secrets.token_bytes(32), PRIORITIES, infills),
        "sglang-diffusion": SgLangDiffusion(),
        "sglang-omni": SgLangOmni(),
        "openai": OpenAi(),
    }


async def _asked(
    engine: EngineSettings, flavour: Flavour, limits: Limits, entries: Mapping[str, ModelSettings]
) -> Sequence[ModelSettings]:
    """What an engine serves: the models that it names, else those of ``[[models]]`` that it lists, else
    (it can't be asked, or calls them otherwise) all of ``[[models]]`` that its kind can serve. Where
    there are none, what it lists, at the default prices: nothing when it can't be asked, nor where its
    kind is not paid by tokens."""
    key = engine.api_key.get_secret_value() if engine.api_key else None
    if engine.models and all(name in entries for name in engine.models):
        return [entries[name] for name in engine.models]
    listed = await listed_models(engine.url, flavour, limits, key)
    if engine.models:
        told = {model.id: model for model in listed}
        return [entries.get(name) or _default(name, told.get(name)) for name in engine.models]
    if entries:
        ids = {model.id for model in listed}
        able = _able(engine.kind, entries.values())
        return [entry for entry in able if entry.id in ids] or able
    if Modality.CHAT not in _SERVES[engine.kind]:
        return []
    return [_default(model.id, model) for model in listed]


def _default(name: str, told: Listed | None) -> ModelSettings:
    if told is None:
        return ModelSettings(id=name, modality="chat", context_length=_CONTEXT)
    return ModelSettings.model_validate(
        {"id": name, "modality": str(told.modality), "context_length": told.context or _CONTEXT}
    )


def _attachment(
    name: str,
    engine: EngineSettings,
    flavour: Flavour,
    models: Mapping[str, ModelSettings],
    limits: Limits,
    meter: SoundMeter | None,
) -> Attachment:
    return Attachment(
        name=name,
        url=engine.url,
        flavour=flavour,
        models={entry.id: Modality(entry.modality) for entry in models.values()},
        limits=limits,
        running_max=engine.max_running,
        api_key=engine.api_key.get_secret_value() if engine.api_key else None,
        admin_key=engine.admin_key.get_secret_value() if engine.admin_key else None,
        named=bool(engine.models),
        meter=meter,
    )


def _service(engine: EngineSettings, models: Mapping[str, ModelSettings]) -> Service:
    return Service(
        max_running=engine.max_running,
        max_queued=engine.max_queued,
        lanes=frozenset(engine.lanes),
        region=engine.region,
        power_w=engine.power_w,
        model_lanes={entry.id: frozenset(entry.lanes) for entry in models.values() if entry.lanes},
    )


def _model(entry: ModelSettings, meter: SoundMeter | None) -> Model:
    return Model(
        id=entry.id,
        modality=Modality(entry.modality),
        engine_model=entry.id,
        card=entry_card(entry),
        context_length=entry.context_length,
        license=entry.license,
        aliases=entry.aliases,
        status=entry.status or "always_on",
        infill=entry.infill,
        sees=entry.vision,
        measure=meter.measure if meter and entry.modality == "transcription" else None,
    )
