"""The engines and the catalog that the settings ask for."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from base.clock import Clock
from base.settings import ModelSettings, Settings, SettingsError
from runtime.attached import Attached, Attachment, listed_models
from runtime.catalog import Catalog, Model, entry_card
from runtime.engine import Modality
from runtime.flavours import Flavour, OpenAi
from runtime.http.message import Limits
from runtime.local.artifacts import user_cache_dir
from runtime.local.fetch import Report
from runtime.pool import Engines, ManagedEngine
from runtime.sglang.flavour import SgLang

_PRIORITIES: Final = {"private": 10, "shared": 0, "batch": -10}


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs models: enter ``engines`` to start them."""

    catalog: Catalog
    engines: Engines


async def build_runtime(settings: Settings, clock: Clock, report: Report) -> Runtime:
    """Put the engines and their catalog together, after fetching what is missing; nothing is started.

    ``report`` gets the progress of a fetch, from a thread. Raises FetchError and SettingsError.
    """
    kind, _, url = settings.engine.partition("=")
    limits = Limits(first_byte_s=settings.first_event_s, between_bytes_s=settings.between_events_s)
    engines: Sequence[ManagedEngine]
    models: Sequence[Model]
    if kind == "local":
        from runtime.local.build import local_engines

        cache = settings.cache_dir or user_cache_dir()
        engines, models = await asyncio.to_thread(local_engines, settings, limits, cache, report)
    elif kind == "none":
        engines, models = (), ()
    else:
        flavour = _flavour(kind)
        key = settings.engine_api_key.get_secret_value() if settings.engine_api_key else None
        models = await _attached_models(url, flavour, limits, key, settings.models)
        served = {model.engine_model: model.modality for model in models}
        engines = (Attached(Attachment(url, flavour, served, limits, settings.max_running, key)),)
    return Runtime(_catalog(models), Engines(engines, settings.max_running, settings.max_queued, clock))


def _flavour(kind: str) -> Flavour:
    """The salt is new at each start: prefix caches are not shared across it, nor between tenants."""
    if kind == "sglang":
        return SgLang(secrets.token_bytes(32), _PRIORITIES)
    return OpenAi()


async def _attached_models(
    url: str, flavour: Flavour, limits: Limits, key: str | None, entries: Sequence[ModelSettings]
) -> list[Model]:
    """The ``[[models]]`` of the settings; where there are none, what the server lists, as chat models
    at the default prices."""
    if not entries:
        listed = await listed_models(url, flavour, limits, key)
        entries = [
            ModelSettings(id=name, modality="chat", context_length=context or 4096)
            for name, context in listed
        ]
    if not entries:
        raise SettingsError(
            f"engine: no [[models]] in the settings, and {url} lists none at /v1/models. "
            "Name the models that it serves, or start it first."
        )
    return [
        Model(
            id=entry.id,
            modality=Modality(entry.modality),
            engine_model=entry.id,
            card=entry_card(entry),
            context_length=entry.context_length,
            license=entry.license,
            aliases=entry.aliases,
        )
        for entry in entries
    ]


def _catalog(models: Sequence[Model]) -> Catalog:
    try:
        return Catalog(models)
    except ValueError as error:
        raise SettingsError(f"models: {error}") from None
