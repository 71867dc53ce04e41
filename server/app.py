"""Puts the parts of a server together: the one place that knows them all."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import anyio
from starlette.routing import Route
from starlette.types import ASGIApp

from base.clock import SystemClock
from base.energy import Grid
from base.money import usd_to_nano
from base.outbound.addresses import network_of
from base.outbound.client import Outbound
from base.outbound.guard import Guard
from base.resource import Resource
from base.sealing import Sealer
from base.secret_file import file_secret
from base.settings import Settings
from manifests.bazaar import http_discovery
from manifests.document import Document
from manifests.facts import AgentFact, Facts
from manifests.hashes import manifest_hashes
from manifests.operations import operations
from manifests.render import render
from runtime.build import Runtime, build_runtime
from runtime.engine import Modality
from server import ahead
from server.account import AccountRoutes
from server.admin import AdminServer
from server.agent import AgentOffice
from server.background import background_of
from server.beside import beside
from server.books import Books
from server.control import control_plane
from server.deposits import deposits_of
from server.dispatch import Dispatch
from server.documents import document_routes
from server.engines import EnginesOffice
from server.facts import key_facts, model_facts, payment_fact
from server.files import files_of
from server.free import FreeDoor
from server.funding import topup_routes
from server.gauges import Gauges
from server.health import Health, Readiness
from server.jobs import jobs_of
from server.kept import Kept, Paid
from server.keys import KeyRoutes
from server.ledger import LedgerOffice
from server.live import Feed, LiveRoutes
from server.log import CallLog
from server.mcp.door import McpDoor, McpParts
from server.mcp.hosts import Misdirected
from server.mcp.own_files import OwnFiles
from server.mcp.task_times import TaskTimes
from server.metrics import Metrics
from server.once import FREE, once_of
from server.openai.chat import ChatDoor
from server.openai.models import model_routes
from server.openai.pictures import PICTURES, EditReader, picture_routes
from server.openai.responses import ResponsesDoor
from server.openai.shown import as_attestation
from server.openai.sound_door import speech_door, transcription_door
from server.openai.text_chunks import TextChunkWriter
from server.openai.whole_door import WholeDoor
from server.operations import NoArguments, Operation, Operations
from server.pages.routes import page_routes
from server.payment_status import payment_endpoint
from server.payments import Place, places_of, x402_rail
from server.prompt_office import PromptOffice
from server.prompt_trials import PromptRegistry, prompt_registry, records_of
from server.proof import Proof
from server.salts import SaltRoutes
from server.sign_in import SignInRoutes
from server.signing import Rotated, SigningOffice, log_signer_of, ring_of
from server.site.build import site_of
from server.span_push import pushing
from server.spans import keeping
from server.status.build import status_of
from server.status.routes import StatusRoutes
from server.sweeping import sweeping
from server.tables import DATABASE, TABLES
from server.tools import EDITS, ENDPOINTS, registry_of, responses_of
from server.traces import TraceRoutes
from server.version import version
from server.videos import videos_of
from server.wallets import sign_in_of
from server.web.by_address import Limited
from server.web.caller import Callers
from server.web.payment import no_payment, payment_of
from server.web.pieces import Patient
from settlement.agent.agent import Agent
from settlement.agent.seat import AgentSeat, agent_name
from settlement.balance import BalanceRail
from settlement.chain.devchain import DevChain
from settlement.deposits.deposits import Deposits
from settlement.evidence.checkpoint import LogKey
from settlement.evidence.integrator import Integrator
from settlement.evidence.keyring import KeyRing
from settlement.evidence.log import Log
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.recorder import Recorder
from settlement.evidence.salting import Salts
from settlement.evidence.spelling import public_key_text
from settlement.idempotency.book import KeyBook
from settlement.idempotency.rail import IdempotentRail
from settlement.ledger.accounts import Accounts
from settlement.ledger.credentials import NewKey
from settlement.ledger.demo import ensure_demo
from settlement.ledger.keys import Keys
from settlement.ledger.ledger import Ledger
from settlement.ledger.orphans import void_orphans
from settlement.ledger.reports import UsageReports
from settlement.limits.addresses import AddressLimits
from settlement.limits.limits import Limits
from settlement.promises import Promises
from settlement.rails import Rails
from settlement.sign_in.sign_in import SignIn
from settlement.x402.desk import Desk
from settlement.x402.errors import (
    AllowanceRequired,
    PaymentInvalid,
    PaymentRequired,
    PaymentReused,
    SettlementPending,
)
from settlement.x402.rail import X402Rail
from settlement.x402.reconciliation import Reconciliation
from settlement.x402.sale import Sale
from settlement.x402.statements import Statements
from settlement.x402.status import PaymentStatus
from storage.lock import DataDirLock
from storage.migrate import upgrade
from storage.pictures import PictureFolder
from storage.sqlite import SqliteStore, open_store
from tools.invoke import Invoker
from tools.lasting import LastingRail
from tools.observe import Observers
from tools.owner import Owner
from tools.responses.shelf import ResponseShelf
from tools.tasks.book import TaskBook

PAYMENT_ERRORS: Final = (
    PaymentRequired,
    PaymentInvalid,
    AllowanceRequired,
    PaymentReused,
    SettlementPending,
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server whose parts run. ``asgi`` serves calls; ``operations`` is what its operator may ask."""

    asgi: ASGIApp
    settings: Settings
    readiness: Readiness
    url: str
    rpc_url: str | None
    network: str | None
    chat_model: str | None
    first_key: NewKey | None
    first_balance_nano_usd: int
    owner: Owner

    async def drain(self) -> None:
        """Wait for captures and settlements that outlive their requests."""
        await self.owner.drain()


@dataclass(frozen=True, slots=True)
class _Ground:
    """The books and the keys that everything else stands on."""

    store: SqliteStore
    accounts: Accounts
    keys: Keys
    ring: KeyRing
    log: Log
    integrator: Integrator
    sealer: Sealer
    once: KeyBook
    shelf: ResponseShelf
    salts: Salts
    prompts: PromptRegistry

    def ledger(self) -> Ledger:
        return Ledger(self.accounts, self.keys, UsageReports(self.store))

    def public_key(self) -> str:
        """The key that signs records now, in wire form."""
        return public_key_text(self.ring.current.public_key)

    def proofs(self) -> EvidenceReader:
        return EvidenceReader(self.store, self.ring, self.log)


@asynccontextmanager
async def compose(settings: Settings, port: int, calls: CallLog) -> AsyncIterator[Server]:
    """Start every part, in the order in which they need each other, and stop them in reverse.

    Raises DataDirError, MigrationError, KeyFileError, FetchError, SettingsError, ChildFailed.
    """
    async with AsyncExitStack() as stack:
        yield await _Composition(settings, port, calls, stack).server()


class _Composition:
    """One server in the making."""

    def __init__(self, settings: Settings, port: int, calls: CallLog, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._url = settings.public_url or _url(settings.host, port)
        self._calls = calls
        self._stack = stack
        self._clock = SystemClock()
        self._owner = Owner()
        self._pictures = PictureFolder(settings.data_dir / "pictures", settings.image_ttl_s, self._clock)
        self._readiness = Readiness()
        self._metrics = Metrics()
        self._feed = Feed()
        self._reconciliation: Reconciliation | None = None
        self._deposits: Deposits | None = None
        self._addresses = AddressLimits(settings.proof_rpm, self._clock)

    async def server(self) -> Server:
        settings = self._settings
        what = f"batchin serve on {self._url}"
        self._stack.enter_context(DataDirLock(settings.data_dir, what))
        ground = await self._ground()
        balance = usd_to_nano(settings.demo_balance_usd)
        demo_key = settings.demo_key.get_secret_value() if settings.demo_key else None
        first_key = await ensure_demo(ground.accounts, ground.keys, balance, demo_key)
        runtime = await build_runtime(settings, self._clock, _unreported)
        embedded = settings.x402 and settings.network == "dev"
        chain = DevChain(settings.data_dir / "chain") if embedded else None
        await asyncio.gather(
            _start(self._stack, *(part for part in (runtime.engines, chain) if part is not None)),
            asyncio.to_thread(ahead.load, ahead.MCP + (ahead.CHAIN if settings.x402 else ())),
        )
        seat = await self._seat(ground, chain)
        places = await places_of(settings, chain)
        deposits = deposits_of(settings, chain, ground.store, self._clock)
        self._deposits = await self._stack.enter_async_context(deposits)
        sales = [place.sale for place in places]
        sale = sales[0] if sales else None
        outbound = Outbound(Guard([network_of(text) for text in settings.outbound_allow]))
        self._stack.push_async_callback(outbound.aclose)
        files = await self._stack.enter_async_context(
            files_of(settings, ground.store, ground.sealer, self._clock, ground.once)
        )
        jobs = jobs_of(
            settings,
            ground.store,
            files,
            ground.sealer,
            runtime.catalog,
            self._clock,
            self._url,
            outbound,
            ground.once,
        )
        videos = videos_of(settings, jobs, runtime, outbound, self._url)
        responses = responses_of(runtime, settings, self._clock, ground.shelf, outbound)
        background = background_of(settings, jobs, responses)
        promises = Promises(ground.ring, self._clock)
        pushes = await self._stack.enter_async_context(pushing(settings, self._metrics))
        spans = await self._stack.enter_async_context(
            keeping(settings, ground.store, ground.sealer, self._clock, self._metrics)
        )
        registry = registry_of(
            runtime,
            settings,
            self._clock,
            ground.proofs(),
            ground.ledger(),
            sale.price if sale else None,
            self._linked,
            background.respond,
            outbound,
            jobs.tools,
            videos.tools,
            promises,
            ground.salts,
            spans,
        )
        facts = self._facts(ground, runtime, sales, seat.agent)
        hashes = manifest_hashes(registry, facts)
        recorder = Recorder(
            ground.ring,
            settings.environment,
            agent=agent_name(lambda: seat.agent),
            manifests=hashes,
            grid=_grid(settings),
        )
        x402 = await self._x402(ground, recorder, places)
        lasting = LastingRail(x402, self._owner) if x402 else None
        rails = Rails(BalanceRail(ground.store, recorder, self._clock), lasting, ground.store.hopeful)
        once = IdempotentRail(rails, ground.once, ground.proofs())
        wallets = self._wallets(ground, places, x402)
        signing_in = (wallets.sweep,) if wallets else ()
        sweeps = (
            ground.shelf.sweep,
            spans.sweep,
            ground.prompts.samples.sweep,
            ground.once.sweep,
            *signing_in,
        )
        await self._stack.enter_async_context(beside(sweeping(*sweeps)))
        invoker = Invoker(
            registry,
            once,
            self._clock,
            Observers(self._calls, self._metrics, spans, self._feed, *pushes),
            self._owner,
            capture_s=settings.capture_s,
            promised=promises.kept,
            salts=ground.salts,
            binder=ground.prompts.binder,
        )
        jobs.calls.connect(invoker, recorder)
        videos.calls.connect(invoker, recorder)
        background.calls.connect(invoker, recorder)
        await self._stack.enter_async_context(jobs.running())
        await self._stack.enter_async_context(videos.running())
        await self._stack.enter_async_context(background.running())

        def drawn() -> Mapping[str, Document]:
            paid = PAYMENT_ERRORS if facts.payment else ()
            now = self._facts(ground, runtime, sales, seat.agent)
            return render(registry, now, settings, operations(paid, (Misdirected,)))

        documents = dict(drawn())

        async def redraw() -> None:
            documents.update(await asyncio.to_thread(drawn))

        records = records_of(ground.prompts, jobs, runtime.catalog, invoker, self._url)
        await self._stack.enter_async_context(records.running())
        kept = Kept(files, jobs, videos, ground.shelf, background.book, records, spans)
        own = SignInRoutes(wallets, settings.max_body_bytes).routes() if wallets else []
        shown = (documents, await self._status(ground, runtime, seat, facts))
        asgi = await self._doors(ground, runtime, invoker, facts, shown, kept, seat, own)
        wallet = settings.data_dir / "keys" / "pay_to.key" if chain and not settings.pay_to else None
        office = AgentOffice(seat, wallet, redraw)
        await self._admin(ground, runtime, chain, redraw, office)
        return Server(
            asgi=asgi,
            settings=settings,
            readiness=self._readiness,
            url=self._url,
            rpc_url=chain.rpc_url if chain else None,
            network=sale.asset.network if sale else None,
            chat_model=next((m.id for m in runtime.catalog if m.modality is Modality.CHAT), None),
            first_key=first_key,
            first_balance_nano_usd=balance,
            owner=self._owner,
        )

    async def _ground(self) -> _Ground:
        """The store, brought up to date, with its log running and nobody's holds in it."""
        folder = self._settings.data_dir
        await anyio.to_thread.run_sync(upgrade, folder / DATABASE)
        store = await open_store(folder / DATABASE, TABLES)
        self._stack.push_async_callback(store.close)
        await void_orphans(store)
        secrets = folder / "keys"
        pepper = file_secret(secrets / "pepper")
        keys = Keys(store, self._clock, pepper)
        await keys.load()
        log_signer = log_signer_of(self._settings, secrets)
        origin = f"batchin/log/{log_signer.key_id}"
        integrator = Integrator(store, log_signer, origin, self._clock)
        self._stack.push_async_callback(integrator.integrate)
        await self._stack.enter_async_context(beside(integrator.run()))
        sealer = Sealer(pepper)
        shelf = ResponseShelf(store, sealer, self._clock, self._settings.response_ttl_s)
        return _Ground(
            store=store,
            accounts=Accounts(store, self._clock),
            keys=keys,
            ring=ring_of(self._settings, secrets, self._clock, log_signer),
            log=Log(store, LogKey(origin, log_signer.public_key)),
            integrator=integrator,
            sealer=sealer,
            once=KeyBook(store, sealer, self._clock, self._settings.idempotency_ttl_s),
            shelf=shelf,
            salts=Salts(sealer.derived(b"evidence-salts")),
            prompts=prompt_registry(self._settings, store, sealer, self._clock),
        )

    async def _x402(
        self, ground: _Ground, recorder: Recorder, places: Sequence[Place]
    ) -> X402Rail | None:
        if not places:
            return None
        desk = Desk(
            store=ground.store,
            recorder=recorder,
            proofs=ground.proofs(),
            tokens=ground.keys,
            sealer=ground.sealer,
            clock=self._clock,
            lease=ground.store.lease,
            result_ttl_s=self._settings.result_ttl_s,
            token_ttl_s=self._settings.access_token_ttl_s,
            statements=Statements(ground.ring, self._url, self._clock),
        )
        rail = await self._stack.enter_async_context(x402_rail(self._settings, places, desk))
        self._reconciliation = rail.reconciliation
        return rail

    async def _seat(self, ground: _Ground, chain: DevChain | None) -> AgentSeat:
        """The agent of this server, anchoring from now on where it is registered."""
        settings = self._settings
        keys = settings.data_dir / "keys"
        parts = (ground.store, ground.log, self._clock, chain)
        seat = AgentSeat(settings.agent, keys, self._url, *parts)
        await self._stack.enter_async_context(seat)
        await self._stack.enter_async_context(beside(seat.run()))
        return seat

    async def _status(
        self, ground: _Ground, runtime: Runtime, seat: AgentSeat, facts: Facts
    ) -> StatusRoutes:
        networks = facts.payment.networks if facts.payment else ()
        books = (ground.store, self._gauges(ground, runtime), ground.log)
        parts = (runtime.engines, *books, seat, networks, self._readiness, self._clock)
        return await self._stack.enter_async_context(status_of(*parts))

    def _wallets(self, ground: _Ground, places: Sequence[Place], rail: X402Rail | None) -> SignIn | None:
        if rail is None:
            return None
        networks = tuple(place.sale.asset.network for place in places)
        books = (ground.store, ground.keys, ground.sealer)
        return sign_in_of(self._settings, self._url, networks, *books, rail.wallets, self._clock)

    def _facts(
        self, ground: _Ground, runtime: Runtime, sales: Sequence[Sale], agent: Agent | None
    ) -> Facts:
        *past_keys, key = key_facts(ground.ring.history)
        return Facts(
            version=version(),
            base_url=self._url,
            models=tuple(model_facts(runtime.catalog)),
            payment=payment_fact(sales[0], sales[1:]) if sales else None,
            key=key,
            rendered_on=datetime.now(UTC).date(),
            past_keys=past_keys,
            agent=AgentFact(agent.registry_name, agent.number) if agent else None,
        )

    async def _doors(
        self,
        ground: _Ground,
        runtime: Runtime,
        invoker: Invoker,
        facts: Facts,
        shown: tuple[Mapping[str, Document], StatusRoutes],
        kept: Kept,
        seat: AgentSeat,
        own: Sequence[Route],
    ) -> ASGIApp:
        settings = self._settings
        documents, status = shown
        callers = Callers(
            ground.keys.authenticate,
            payment_of if facts.payment else no_payment,
            self._clock,
            settings.timeout_s,
            settings.timeouts,
            Limits({rule.scope: rule.allowance for rule in settings.limits}, self._clock).quota,
            keyless=facts.payment is not None,
        )
        mcp = McpDoor(
            McpParts(
                invoker=invoker,
                callers=callers,
                settings=settings,
                facts=facts,
                documents=documents,
                bundles=ground.proofs().bundle,
                files=OwnFiles(kept.files),
                tasks=TaskBook(ground.store, ground.sealer, self._clock, settings.task_ttl_s),
                task_times=TaskTimes(settings.task_after_s),
                prompts=ground.prompts.book,
            )
        )
        await self._stack.enter_async_context(mcp.running())
        paid = Paid(
            self._resource("/v1/batches", invoker, "batch"),
            self._resource("/v1/videos", invoker, "video"),
        )
        routes = [*kept.routes(settings, invoker, callers, paid), *own, *status.routes()]
        free = once_of(settings, ground.once, callers, invoker.observer, self._clock)
        hot: dict[str, ASGIApp] = {**self._hot(ground, invoker, callers), "/v1/mcp": mcp}
        hot |= {path: free(hot[path]) for path in FREE}
        rest = self._rest(ground, runtime, invoker, callers, documents, routes, seat, status)
        return Dispatch(hot, Patient(free(rest), settings.send_timeout_s))

    def _hot(self, ground: _Ground, invoker: Invoker, callers: Callers) -> Mapping[str, ASGIApp]:
        settings = self._settings
        limits = (settings.max_body_bytes, settings.send_timeout_s)

        def whole(path: str, tool: str, body_type: str = "json") -> WholeDoor:
            resource = self._resource(path, invoker, tool, body_type)
            return WholeDoor(tool, invoker, callers, resource, *limits)

        chat, responses = "/v1/chat/completions", "/v1/responses"
        completions = "/v1/completions"
        bundle = "/v1/audit/verify-bundle"
        speech, transcriptions = "/v1/audio/speech", "/v1/audio/transcriptions"
        key = ground.public_key
        return {
            chat: ChatDoor(invoker, callers, self._resource(chat, invoker, "chat"), *limits, key),
            responses: ResponsesDoor(
                invoker, callers, self._resource(responses, invoker, "respond"), *limits, key
            ),
            completions: ChatDoor(
                invoker,
                callers,
                self._resource(completions, invoker, "complete"),
                *limits,
                key,
                "complete",
                TextChunkWriter,
            ),
            "/v1/embeddings": whole("/v1/embeddings", "embed"),
            "/v1/rerank": whole("/v1/rerank", "rerank"),
            "/v1/classify": whole("/v1/classify", "classify"),
            "/v1/moderations": whole("/v1/moderations", "moderate"),
            speech: speech_door(whole(speech, "speech"), key),
            transcriptions: transcription_door(
                whole(transcriptions, "transcribe", "form-data"), key, settings.max_upload_bytes
            ),
            **{path: whole(path, "image") for path in ENDPOINTS[Modality.IMAGE]},
            EDITS: replace(
                whole(EDITS, "image", "form-data"), read=EditReader(settings.max_upload_bytes)
            ),
            "/v1/quote": whole("/v1/quote", "quote"),
            **({"/v1/credits": whole("/v1/credits", "credits")} if settings.x402 else {}),
            "/v1/vaas": replace(whole("/v1/vaas", "attest"), show=as_attestation),
            bundle: Limited(
                replace(whole(bundle, "verify"), arguments=lambda body: {"bundle": body}),
                self._addresses,
            ),
        }

    async def _linked(self, picture: bytes) -> str:
        """A link of a picture."""
        return f"{self._url}{PICTURES}{await self._pictures.save(picture)}.png"

    def _resource(self, path: str, invoker: Invoker, tool: str, body_type: str = "json") -> Resource:
        found = invoker.registry.get(tool)
        assert found is not None, tool
        sold = http_discovery(found, body_type) if found.quote is not None else None
        return Resource(self._url + path, found.title, discovery=sold)

    def _rest(
        self,
        ground: _Ground,
        runtime: Runtime,
        invoker: Invoker,
        callers: Callers,
        documents: Mapping[str, Document],
        kept: Sequence[Route],
        seat: AgentSeat,
        status: StatusRoutes,
    ) -> ASGIApp:
        gauges = self._gauges(ground, runtime)
        health = Health(
            self._readiness, runtime.engines.health, ground.store.works, self._metrics, gauges
        )
        return control_plane(
            [
                *health.routes(),
                *model_routes(FreeDoor(invoker, callers)),
                *self._account(ground, invoker, callers),
                *self._topups(ground, callers),
                Route("/v1/payments/{id}", payment_endpoint(PaymentStatus(ground.store).find)),
                *Proof(ground.proofs(), seat, self._addresses).routes(),
                *picture_routes(self._pictures.read, self._settings.image_ttl_s),
                *kept,
                *self._live(callers),
                *page_routes(site_of(self._url, documents, status, FreeDoor(invoker, callers))),
                *document_routes(documents),
            ]
        )

    def _topups(self, ground: _Ground, callers: Callers) -> list[Route]:
        paid_to = (self._settings, self._url, ground.store, callers, self._clock, self._deposits)
        return topup_routes(*paid_to).routes()

    def _gauges(self, ground: _Ground, runtime: Runtime) -> Gauges:
        return Gauges(runtime.engines.health, ground.store, self._clock, self._reconciliation)

    def _live(self, callers: Callers) -> list[Route]:
        timeout_s = self._settings.send_timeout_s
        return LiveRoutes(self._feed, callers, self._readiness, self._clock, timeout_s).routes()

    def _account(self, ground: _Ground, invoker: Invoker, callers: Callers) -> list[Route]:
        own = FreeDoor(invoker, callers, callers.account)
        limit = self._settings.max_body_bytes
        keys = KeyRoutes(ground.keys, callers, self._clock, invoker.observer, limit)
        account = AccountRoutes(own, ground.keys, self._clock)
        salts = SaltRoutes(ground.ledger().usage, ground.proofs(), ground.salts, callers)
        rest = (*keys.routes(), *salts.routes())
        return [*account.routes(), *TraceRoutes(own).routes(), *rest]

    async def _admin(
        self,
        ground: _Ground,
        runtime: Runtime,
        chain: DevChain | None,
        rotated: Rotated,
        agent: AgentOffice,
    ) -> None:
        async def info(_: NoArguments) -> dict[str, Any]:
            return {
                "url": self._url,
                "rpc_url": chain.rpc_url if chain else None,
                "network": chain.network if chain else None,
                "usdc": chain.usdc if chain else None,
                "version": version(),
                "data_dir": str(self._settings.data_dir),
                "pid": os.getpid(),
                "public_key": ground.public_key(),
            }

        books = Books(ground.accounts, ground.keys, self._clock).operations()
        ledger = LedgerOffice(ground.store, self._clock, self._reconciliation).operations()
        engines = await self._stack.enter_async_context(EnginesOffice(runtime.engines))
        signing = SigningOffice(
            lambda: ground.ring, ground.store, rotated, ground.integrator.integrate
        ).operations()
        asked = {
            "info": Operation(NoArguments, info),
            **books,
            **ledger,
            **PromptOffice(ground.accounts, ground.prompts.book).operations(),
            **engines.operations(),
            **signing,
            **agent.operations(),
        }
        office = Operations(asked, lambda: self._readiness.is_open)
        await self._stack.enter_async_context(AdminServer(self._settings.data_dir, office))


def _grid(settings: Settings) -> Grid | None:
    intensity = settings.grid_gco2e_per_kwh
    return None if intensity is None else Grid(intensity, settings.grid_source)


def _unreported(*_: object) -> None:
    """What is missing was fetched before, with its progress shown, by whoever started the server."""


def _url(host: str, port: int) -> str:
    """The address under which people on this machine reach a server that listens on ``host``."""
    if host == "::":
        return f"http://[::1]:{port}"
    if not host.strip("0."):
        return f"http://127.0.0.1:{port}"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _start(stack: AsyncExitStack, *parts: AbstractAsyncContextManager[Any]) -> None:
    """Enter all at once; when one can't start, those that did are left by the stack."""
    entering = (stack.enter_async_context(part) for part in parts)
    outcomes = await asyncio.gather(*entering, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
