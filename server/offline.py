"""The books without a server: locked, brought up to date, opened for one command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from base.clock import SystemClock
from base.sealing import Sealer
from base.secret_file import file_secret
from server.books import Books
from server.ledger import LedgerOffice
from server.operations import Operations
from server.prompt_office import PromptOffice
from server.reservations import LanesOffice
from server.signing import SigningOffice
from server.tables import DATABASE, TABLES
from settlement.evidence.keyring import own_ring
from settlement.ledger.accounts import Accounts
from settlement.ledger.keys import Keys
from settlement.ledger.reports import UsageReports
from settlement.reservations.book import Reservations
from storage.lock import DataDirLock
from storage.migrate import upgrade
from storage.sqlite import open_store
from tools.prompts.book import PromptBook

PEPPER = Path("keys", "pepper")


@asynccontextmanager
async def books(data_dir: Path) -> AsyncIterator[Operations]:
    """The operations on accounts and keys, while no server runs on the data dir.

    Raises DataDirLocked when one does, KeyFileError for an unusable pepper.
    """
    clock = SystemClock()
    with DataDirLock(data_dir, "a batchin command"):
        await anyio.to_thread.run_sync(upgrade, data_dir / DATABASE)
        pepper = await anyio.to_thread.run_sync(file_secret, data_dir / PEPPER)
        store = await open_store(data_dir / DATABASE, TABLES)
        try:
            keys = Keys(store, clock, pepper)
            folder = (data_dir / PEPPER).parent
            signing = SigningOffice(lambda: own_ring(folder, clock), store)
            accounts = Accounts(store, clock)
            operations = Books(accounts, keys, clock).operations()
            book = PromptBook(store, Sealer(pepper), clock, UsageReports(store))
            prompts = PromptOffice(accounts, book).operations()
            ledger = LedgerOffice(store, clock).operations()
            lanes = LanesOffice(accounts, Reservations(store, clock)).operations()
            yield Operations({**operations, **signing.operations(), **ledger, **lanes, **prompts})
        finally:
            await store.close()
