"""The settings, the books and the keys that everything else of a server stands on."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import anyio

from base.clock import Clock
from base.sealing import Sealer
from base.secret_file import file_secret
from base.settings import Settings
from server.beside import beside
from server.prompt_trials import PromptRegistry, prompt_registry
from server.signing import log_signer_of, ring_of
from server.tables import DATABASE, TABLES
from settlement.evidence.checkpoint import LogKey
from settlement.evidence.integrator import Integrator
from settlement.evidence.keyring import KeyRing
from settlement.evidence.log import Log
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.salting import Salts
from settlement.evidence.spelling import public_key_text
from settlement.idempotency.book import KeyBook
from settlement.ledger.accounts import Accounts
from settlement.ledger.keys import Keys
from settlement.ledger.ledger import Ledger
from settlement.ledger.orphans import void_orphans
from settlement.ledger.reports import UsageReports
from settlement.reservations.book import Reservations
from storage.migrate import upgrade
from storage.sqlite import SqliteStore, open_store
from tools.responses.shelf import ResponseShelf


@dataclass(frozen=True, slots=True)
class Ground:
    """``url`` is where callers reach the server."""

    settings: Settings
    url: str
    clock: Clock
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

    @property
    def lanes(self) -> Reservations:
        return Reservations(self.store, self.clock)

    def ledger(self) -> Ledger:
        return Ledger(self.accounts, self.keys, UsageReports(self.store))

    def public_key(self) -> str:
        """The key that signs records now, in wire form."""
        return public_key_text(self.ring.current.public_key)

    def proofs(self) -> EvidenceReader:
        return EvidenceReader(self.store, self.ring, self.log)


@asynccontextmanager
async def grounded(settings: Settings, url: str, clock: Clock) -> AsyncIterator[Ground]:
    """The store, brought up to date, with its log running and nobody's holds in it.

    Raises MigrationError, KeyFileError.
    """
    folder = settings.data_dir
    secrets = folder / "keys"
    async with AsyncExitStack() as stack:
        await anyio.to_thread.run_sync(upgrade, folder / DATABASE)
        store = await open_store(folder / DATABASE, TABLES)
        stack.push_async_callback(store.close)
        await void_orphans(store)
        pepper = file_secret(secrets / "pepper")
        keys = Keys(store, clock, pepper)
        await keys.load()
        log_signer = log_signer_of(settings, secrets)
        origin = f"batchin/log/{log_signer.key_id}"
        integrator = Integrator(store, log_signer, origin, clock)
        stack.push_async_callback(integrator.integrate)
        await stack.enter_async_context(beside(integrator.run()))
        sealer = Sealer(pepper)
        yield Ground(
            settings=settings,
            url=url,
            clock=clock,
            store=store,
            accounts=Accounts(store, clock),
            keys=keys,
            ring=ring_of(settings, secrets, clock, log_signer),
            log=Log(store, LogKey(origin, log_signer.public_key)),
            integrator=integrator,
            sealer=sealer,
            once=KeyBook(store, sealer, clock, settings.idempotency_ttl_s),
            shelf=ResponseShelf(store, sealer, clock, settings.response_ttl_s),
            salts=Salts(sealer.derived(b"evidence-salts")),
            prompts=prompt_registry(settings, store, sealer, clock),
        )
