"""The engines and the catalog that the settings ask for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from base.clock import Clock
from base.settings import Settings, SettingsError
from runtime.attachments import attached
from runtime.catalog import Catalog, Model
from runtime.hardware import machine
from runtime.http.message import Limits
from runtime.local.artifacts import user_cache_dir
from runtime.local.fetch import Report
from runtime.pool import Engines
from runtime.power.choose import cpu_power, gpu_power
from runtime.routing.hedge import Hedge
from runtime.routing.lanes import PRIORITIES
from runtime.routing.replica import Replica, Service


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs models: enter ``engines`` to start them."""

    catalog: Catalog
    engines: Engines


async def build_runtime(settings: Settings, clock: Clock, report: Report) -> Runtime:
    """Put the engines and their catalog together, after fetching what is missing; nothing is started.

    ``report`` gets the progress of a fetch, from a thread. Raises FetchError and SettingsError.
    """
    limits = Limits(
        first_byte_s=settings.first_event_s,
        between_bytes_s=settings.between_events_s,
        job_silence_s=settings.video_silence_s,
    )
    replicas, models = await attached(settings, limits, clock)
    if settings.engine == "local":
        local, local_models = await _local(settings, limits, clock, report)
        replicas, models = [*local, *replicas], [*local_models, *models]
    elif settings.engine == "sglang":
        launched, model = await _launched(settings, limits, clock)
        replicas, models = [launched, *replicas], [model, *models]
    hedge = Hedge() if settings.hedge else None
    return Runtime(_catalog(models), Engines(replicas, hedge))


async def _local(
    settings: Settings, limits: Limits, clock: Clock, report: Report
) -> tuple[list[Replica], list[Model]]:
    from runtime.local.build import local_engines

    cache = settings.cache_dir or user_cache_dir()
    engines, models = await asyncio.to_thread(local_engines, settings, limits, cache, report)
    places = (settings.max_running, settings.max_queued)
    service = Service(*places, power_w=settings.power_w, machine=machine())
    power = cpu_power(settings, clock)
    return [Replica(engine, service, clock, settings.silence_s, power) for engine in engines], models


async def _launched(settings: Settings, limits: Limits, clock: Clock) -> tuple[Replica, Model]:
    from runtime.sglang.build import launched_engine

    engine, model = await asyncio.to_thread(launched_engine, settings, limits, PRIORITIES)
    on_cpu = engine.build == "cpu"
    host = machine() if on_cpu else None
    places = (settings.max_running, settings.max_queued)
    service = Service(*places, power_w=settings.power_w, machine=host)
    power = cpu_power(settings, clock) if on_cpu else gpu_power(settings, clock, lambda: engine.pid)
    return Replica(engine, service, clock, settings.silence_s, power), model


def _catalog(models: Sequence[Model]) -> Catalog:
    try:
        return Catalog(models)
    except ValueError as error:
        raise SettingsError(f"models: {error}") from None
