"""The core of a server: the tools, and the one way in which all of them are called."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from base.energy import Grid
from base.settings import Settings
from manifests.facts import Facts
from manifests.hashes import manifest_hashes
from server.beside import beside
from server.facts import facts_of
from server.openai.pictures import Linked
from server.parts.documents import Documents
from server.parts.ground import Ground
from server.parts.machinery import Machinery
from server.parts.money import Money
from server.parts.paying import Paying, paying
from server.parts.sight import Sight
from server.parts.work import Work
from server.prompt_trials import Records, records_of
from server.sweeping import sweeping
from server.tools import registry_of
from settlement.agent.seat import AgentSeat, agent_name
from settlement.evidence.recorder import Recorder
from settlement.promises import Promises
from settlement.reservations.meter import Meter
from tools.core import Registry
from tools.invoke import Invoker
from tools.owner import Owner


@dataclass(frozen=True, slots=True)
class Beneath:
    """What the core stands on."""

    ground: Ground
    machinery: Machinery
    seat: AgentSeat
    money: Money
    work: Work
    sight: Sight

    def facts(self) -> Facts:
        """What the documents tell, as it is now."""
        ground, agent = self.ground, self.seat.agent
        parts = (self.machinery.runtime.catalog, self.money.sales, ground.ring.history, agent)
        return facts_of(ground.url, *parts)


@dataclass(frozen=True, slots=True)
class Core:
    """``facts`` are those of the start; ``documents`` follow what changes."""

    invoker: Invoker
    paying: Paying
    records: Records
    facts: Facts
    documents: Documents


@asynccontextmanager
async def core_of(beneath: Beneath, owner: Owner) -> AsyncIterator[Core]:
    """Jobs run and what expired is swept for as long as the block lasts. ``owner`` has the captures and
    settlements that outlive their requests."""
    ground, work = beneath.ground, beneath.work
    settings, catalog = ground.settings, beneath.machinery.runtime.catalog
    promises = Promises(ground.ring, ground.clock)
    registry = _registry(beneath, promises)
    facts = beneath.facts()
    recorder = Recorder(
        ground.ring,
        settings.environment,
        agent=agent_name(lambda: beneath.seat.agent),
        manifests=manifest_hashes(registry, facts),
        grid=_grid(settings),
    )
    async with (
        paying(ground, beneath.money, recorder, owner) as paid,
        beside(_sweeping(beneath, paid)),
        beside(Meter(ground.lanes, ground.clock, beneath.machinery.runtime.engines.cards).run()),
    ):
        invoker = Invoker(
            registry,
            paid.rail,
            ground.clock,
            beneath.sight.observers,
            owner,
            capture_s=settings.capture_s,
            promised=promises.kept,
            salts=ground.salts,
            binder=ground.prompts.binder,
        )
        work.connect(invoker, recorder)
        async with work.running():
            documents = Documents(registry, settings, beneath.facts)
            records = records_of(ground.prompts, work.jobs, catalog, invoker, ground.url)
            async with records.running():
                yield Core(invoker, paid, records, facts, documents)


def _registry(beneath: Beneath, promises: Promises) -> Registry:
    ground, work, sale = beneath.ground, beneath.work, beneath.money.sale
    return registry_of(
        beneath.machinery.runtime,
        ground.settings,
        ground.clock,
        ground.proofs(),
        ground.ledger(),
        sale.price if sale else None,
        Linked(ground.url, work.pictures.save),
        work.background.respond,
        work.outbound,
        work.jobs.tools,
        work.videos.tools,
        promises,
        ground.salts,
        beneath.sight.spans,
    )


async def _sweeping(beneath: Beneath, paid: Paying) -> None:
    ground = beneath.ground
    await sweeping(
        ground.shelf.sweep,
        beneath.work.background.book.pieces.sweep,
        beneath.sight.spans.sweep,
        ground.prompts.samples.sweep,
        ground.once.sweep,
        *((paid.wallets.sweep,) if paid.wallets else ()),
    )


def _grid(settings: Settings) -> Grid | None:
    intensity = settings.grid_gco2e_per_kwh
    return None if intensity is None else Grid(intensity, settings.grid_source)
