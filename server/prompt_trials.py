"""Prompts on this server: their registry, the calls that are bound to them, and their trials."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.routing import Route

from base.caller import Caller
from base.clock import Clock
from base.ids import new_id, new_run_id
from base.resource import Resource
from base.sealing import Sealer
from base.settings import Settings
from base.trace import trace_from
from runtime.catalog import Catalog
from runtime.engine import Modality
from server.beside import beside
from server.experiments import ExperimentRoutes
from server.jobs import Jobs
from server.prompts import PromptRoutes
from server.web.caller import Callers
from settlement.ledger.reports import UsageReports
from settlement.rail import Delivery
from storage.op import Store
from tools.core import Call
from tools.invoke import Invoker
from tools.jobs.schema import BatchInput
from tools.prompts.binding import PromptBinder
from tools.prompts.book import PromptBook
from tools.prompts.erase import Eraser
from tools.prompts.replay import Replays
from tools.prompts.samples import Samples
from tools.prompts.split import Splits
from tools.prompts.trials import Trials

_PATH = "/v1/batches"
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class PromptRegistry:
    """What calls are bound by; stands before the core."""

    book: PromptBook
    samples: Samples
    trials: Trials

    @property
    def binder(self) -> PromptBinder:
        return PromptBinder(self.book, self.samples, self.trials)


def prompt_registry(settings: Settings, store: Store, sealer: Sealer, clock: Clock) -> PromptRegistry:
    """The registry over these books."""
    book = PromptBook(store, sealer, clock, UsageReports(store))
    samples = Samples(store, sealer, clock, settings.prompt_sample_ttl_s)
    return PromptRegistry(book, samples, Trials(store))


@dataclass(frozen=True, slots=True)
class Records:
    """The trials of a running server."""

    registry: PromptRegistry
    replays: Replays
    splits: Splits
    eraser: Eraser

    def routes(self, callers: Callers, body_limit: int) -> list[Route]:
        prompts = PromptRoutes(self.registry.book, self.eraser, callers, body_limit)
        trials = ExperimentRoutes(self.registry.trials, self.replays, self.splits, callers, body_limit)
        return [*prompts.routes(), *trials.routes()]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take regressions to their end, from now on."""
        async with beside(self.replays.run()):
            yield


def records_of(
    registry: PromptRegistry, jobs: Jobs, catalog: Catalog, invoker: Invoker, base_url: str
) -> Records:
    """Nothing runs yet: see ``Records.running``."""
    book, trials = registry.book, registry.trials
    found = (model.id for model in catalog if model.modality is Modality.EMBEDDING)
    replays = Replays(
        book,
        trials,
        registry.samples,
        book.store,
        book.sealer,
        book.clock,
        book.usage,
        jobs.batches,
        jobs.tools.most_nano_usd,
        BatchesOnce(invoker, base_url),
        next(found, None),
    )
    book.made.append(replays.propose)
    splits = Splits(book, trials, book.store, book.clock, book.usage)
    return Records(registry, replays, splits, Eraser(book, registry.samples, book.store, jobs.batches))


@dataclass(frozen=True, slots=True)
class BatchesOnce:
    """Makes batches as their own route does, each once under its name."""

    invoker: Invoker
    base_url: str

    async def __call__(self, caller: Caller, asked: BatchInput, named: str) -> str:
        call = Call(
            run_id=new_run_id(),
            request_id=new_id("req"),
            caller=caller,
            trace=trace_from(None),
            resource=Resource(self.base_url + _PATH, _PATH),
            delivery=Delivery.WHOLE,
            deadline_s=self.invoker.clock.monotonic_s() + _PATIENCE_S,
            idempotency_key=named,
        )
        done = await self.invoker.invoke("batch", asked.model_dump(exclude_none=True), call)
        return str(done.output["id"])
