"""A funded wallet, and the books of the shared server held against its chain after each test."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from eth_account import Account

from server.demo.wallet import Wallet
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.funding import fund
from tests.chains import Payer
from tests.contract.x402.shop import Shop
from tests.live import LiveServer
from tests.watched import Watched

MOST_ATOMIC = 100_000


def new_wallet() -> tuple[Payer, Wallet]:
    """One key twice: as a forger uses it, and behind the official client."""
    payer = Payer(Account.create())
    return payer, Wallet(payer.account, NETWORK, USDC, MOST_ATOMIC)


@pytest.fixture(scope="session")
def funded(live_server: LiveServer) -> tuple[Payer, Wallet]:
    payer, wallet = new_wallet()
    asyncio.run(fund(live_server.rpc_url, payer.address, 1_000_000_000))
    return payer, wallet


@pytest.fixture
def shop(live_server: LiveServer, funded: tuple[Payer, Wallet]) -> Iterator[Shop]:
    shop = Shop(Watched(live_server), *funded)
    before = _moves(shop)
    yield shop
    if _moves(shop) != before:
        asyncio.run(_balanced(shop))


def _moves(shop: Shop) -> object:
    return [
        shop.watched.rows(f"SELECT count(*) FROM {table}") for table in ("transfer", "payment", "hold")
    ]


async def _balanced(shop: Shop) -> None:
    """Nothing is held, nothing is due, the books sum to zero and hold what the chain received."""
    deadline = time.monotonic() + 60
    while wrong := await shop.imbalance():
        assert time.monotonic() < deadline, wrong
        await asyncio.sleep(0.05)
