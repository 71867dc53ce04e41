"""A real store with the ledger's tables, an account with money and a key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from settlement.ledger.accounts import Accounts
from settlement.ledger.books import Audit, audit
from settlement.ledger.credentials import KeyLimits
from settlement.ledger.keys import Keys
from settlement.ledger.tables import TABLES
from storage.sqlite import SqliteStore
from tests.clocks import HandClock
from tests.stores import fresh_store

PEPPER = b"p" * 32


@dataclass(frozen=True, slots=True)
class Bank:
    """The ledger as its users see it."""

    store: SqliteStore
    clock: HandClock
    accounts: Accounts
    keys: Keys

    async def funded(self, nano_usd: int) -> str:
        """The id of a new account with a balance."""
        account = await self.accounts.create("someone")
        await self.accounts.credit(account.id, nano_usd, "test", account.id)
        return account.id

    async def key_of(self, account_id: str, budget_nano_usd: int | None = None) -> str:
        limits = KeyLimits(monthly_budget_nano_usd=budget_nano_usd)
        return (await self.keys.create(account_id, "key", limits)).id

    async def figures(self, account_id: str) -> tuple[int, int]:
        """What is posted and held."""
        account = await self.accounts.get(account_id)
        assert account is not None
        return account.posted_nano_usd, account.held_nano_usd

    async def audited(self) -> Audit:
        """The audit of the books, which must balance."""
        result = await audit(self.store)
        assert result.faults == ()
        assert result.total_nano_usd == 0
        return result


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Bank]:
    """The ledger of a folder; a second time, as it was left."""
    clock = HandClock()
    async with fresh_store(folder, TABLES) as store:
        yield Bank(store, clock, Accounts(store, clock), Keys(store, clock, PEPPER))


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with opened(tmp_path) as bank:
        yield bank
