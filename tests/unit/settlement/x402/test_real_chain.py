"""The rail on a real chain: the official client signs, py-evm moves the USDC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from base.clock import SystemClock
from settlement.chain.devchain import DevChain
from settlement.chain.funding import fund, usdc_balance
from settlement.chain.tables import CHAIN_TX
from settlement.chain.tables import TABLES as CHAIN_TABLES
from settlement.ledger.books import audit
from settlement.ledger.ids import CHAIN, REVENUE
from settlement.rail import Delivery, Replay, Settled
from settlement.x402.errors import PaymentInvalid, PaymentReused
from settlement.x402.facilitators.dev import DevFacilitator
from settlement.x402.rail import X402Rail
from settlement.x402.sale import Asset, Sale
from storage.op import Store
from tests.chains import new_address
from tests.stores import fresh_store
from tests.unit.settlement.x402.house import (
    ALL_TABLES,
    Payer,
    granted,
    order,
    outcome_of,
    paid_order,
    rail_over,
    run,
)


@dataclass
class Shop:
    rail: X402Rail
    store: Store
    chain: DevChain
    pay_to: str

    async def received(self) -> int:
        return await usdc_balance(self.chain.rpc_url, self.pay_to)

    async def transactions(self) -> int:
        return len(await self.store.read(select(CHAIN_TX)))


@asynccontextmanager
async def _opened(folder: Path, chain: DevChain, pay_to: str) -> AsyncIterator[Shop]:
    sale = Sale(Asset(chain.network, chain.usdc, "USDC", "2"), pay_to, 1, run_s=60)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(fresh_store(folder, *ALL_TABLES, CHAIN_TABLES))
        facilitator = await stack.enter_async_context(
            DevFacilitator(chain, store, SystemClock(), folder / "keys" / "gas.key")
        )
        rail, _ = await rail_over(folder, store, facilitator, SystemClock(), sale)
        yield Shop(rail, store, chain, pay_to)


@pytest.fixture
async def shop(dev_chain: DevChain, tmp_path: Path) -> AsyncIterator[Shop]:
    async with _opened(tmp_path, dev_chain, new_address()) as shop:
        yield shop


@pytest.fixture
async def payer(dev_chain: DevChain) -> Payer:
    payer = Payer()
    await fund(dev_chain.rpc_url, payer.address, 100)
    return payer


async def test_a_call_is_paid_on_the_chain(shop: Shop, payer: Payer) -> None:
    paid = await paid_order(shop, payer)
    settled = await run(shop, paid)
    assert isinstance(settled, Settled)
    assert await shop.received() == 28
    assert await usdc_balance(shop.chain.rpc_url, payer.address) == 72
    books = await audit(shop.store)
    assert books.faults == ()
    assert (books.balances[CHAIN], books.balances[REVENUE]) == (-28_000, 1_260)
    assert isinstance(await run(shop, order(paid.payment)), Replay)
    assert await shop.transactions() == 1


async def test_a_stream_is_paid_on_the_chain_first(shop: Shop, payer: Payer) -> None:
    paid = await paid_order(shop, payer, delivery=Delivery.STREAM)
    grant = granted(await shop.rail.authorize(paid))
    assert await shop.received() == 28
    await grant.capture(outcome_of(paid))
    assert (await audit(shop.store)).faults == ()


async def test_an_empty_wallet_buys_nothing(shop: Shop) -> None:
    with pytest.raises(PaymentInvalid, match="balance does not cover"):
        await run(shop, await paid_order(shop, Payer()))
    assert await shop.transactions() == 0


async def test_two_hundred_at_once_are_one_run_and_one_transaction(shop: Shop, payer: Payer) -> None:
    paid = await paid_order(shop, payer)
    answers = await asyncio.gather(
        *(run(shop, order(paid.payment)) for _ in range(200)), return_exceptions=True
    )
    assert sum(isinstance(answer, Settled) for answer in answers) == 1
    assert sum(isinstance(answer, PaymentReused) for answer in answers) == 199
    assert (await shop.received(), await shop.transactions()) == (28, 1)


async def test_a_process_that_ends_before_settling_is_made_good(
    dev_chain: DevChain, tmp_path: Path, payer: Payer
) -> None:
    """The run was done and durable; the next process settles it, and the payer fetches the answer."""
    pay_to = new_address()
    async with _opened(tmp_path, dev_chain, pay_to) as shop:
        paid = await paid_order(shop, payer)
        grant = granted(await shop.rail.authorize(paid))
        await grant.steps.done(grant.payment, outcome_of(paid))  # type: ignore[attr-defined]
    async with _opened(tmp_path, dev_chain, pay_to) as shop:
        await shop.rail.recovery.reconcile()
        assert isinstance(await run(shop, order(paid.payment)), Replay)
        assert await shop.received() == 28
