"""A ledger with the orders of top-ups, and the keys of the payment providers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from settlement.ledger.accounts import Accounts
from settlement.ledger.books import Audit, audit
from settlement.ledger.tables import TABLES as LEDGER
from settlement.topups.orders import Orders
from settlement.topups.tables import TABLES
from storage.sqlite import SqliteStore
from tests.clocks import HandClock
from tests.stores import fresh_store


@dataclass(frozen=True, slots=True)
class Till:
    """Orders over real books."""

    store: SqliteStore
    orders: Orders
    accounts: Accounts

    async def account(self) -> str:
        return (await self.accounts.create("someone")).id

    async def audited(self) -> Audit:
        result = await audit(self.store)
        assert result.faults == ()
        assert result.total_nano_usd == 0
        return result


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    clock = HandClock()
    async with fresh_store(tmp_path, LEDGER, TABLES) as store:
        yield Till(store, Orders(store, clock), Accounts(store, clock))


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An RSA key in PEM, private and public."""

    private: str
    public: str


def key_pair() -> KeyPair:
    key = generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(private.decode(), public.decode())
