"""Real payments on a real chain in trouble: it reorganises, it is away, it lies; the books end true."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from base.clock import SystemClock
from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.funding import fund, usdc_balance
from settlement.chain.tables import TABLES as CHAIN_TABLES
from settlement.ledger.ids import CHAIN
from settlement.rail import Settled
from settlement.x402.facilitators.dev import DevFacilitator
from settlement.x402.rail import X402Rail
from settlement.x402.sale import Asset, Sale
from settlement.x402.tables import PAYMENT
from storage.op import Store
from tests.chains import eventually, new_address, running_chain
from tests.stores import fresh_store
from tests.unit.settlement.chain.faulty_node import BEFORE, FaultyNode, faulty_node
from tests.unit.settlement.x402.house import ALL_TABLES, Payer, paid_order, rail_over, run


@dataclass
class Behind:
    """The chain by way of a node that loses requests."""

    chain: DevChain
    node: FaultyNode

    @property
    def rpc_url(self) -> str:
        return self.node.url

    @property
    def network(self) -> str:
        return self.chain.network

    @property
    def usdc(self) -> str:
        return self.chain.usdc

    @property
    def genesis(self) -> str:
        return self.chain.genesis


@dataclass
class Shop:
    rail: X402Rail
    store: Store
    chain: DevChain
    node: FaultyNode
    pay_to: str

    async def received(self) -> int:
        return await usdc_balance(self.chain.rpc_url, self.pay_to)

    async def payer(self) -> Payer:
        payer = Payer()
        await fund(self.chain.rpc_url, payer.address, 1000)
        return payer

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.store.read(select(PAYMENT))]

    async def balanced(self) -> None:
        """What the wallet received on the chain is what the books say, and nothing differs."""
        proof = await self.rail.reconciliation.prove()
        assert proof.differences == ()
        assert -proof.audit.balances.get(CHAIN, 0) == await self.received() * 1000


@pytest.fixture(scope="module")
def own_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    with running_chain(tmp_path_factory.mktemp("troubled")) as chain:
        yield chain


@asynccontextmanager
async def _opened(folder: Path, chain: DevChain) -> AsyncIterator[Shop]:
    pay_to = new_address()
    sale = Sale(Asset(chain.network, chain.usdc, "USDC", "2"), pay_to, 1, run_s=60)
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(faulty_node(chain.rpc_url))
        store = await stack.enter_async_context(fresh_store(folder, *ALL_TABLES, CHAIN_TABLES))
        facilitator = await stack.enter_async_context(
            DevFacilitator(Behind(chain, node), store, SystemClock(), folder / "keys" / "gas.key")
        )
        rail, _ = await rail_over(folder, store, facilitator, SystemClock(), sale)
        yield Shop(rail, store, chain, node, pay_to)


@pytest.fixture
async def shop(own_chain: DevChain, tmp_path: Path) -> AsyncIterator[Shop]:
    async with _opened(tmp_path, own_chain) as shop:
        yield shop


async def test_a_settled_payment_survives_a_reorg(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Two blocks with two settled payments are replaced by empty ones."""
    orders = [await paid_order(shop, await shop.payer()) for _ in range(3)]
    for paid in orders:
        assert isinstance(await run(shop, paid), Settled)
    before = await shop.received()
    await shop.balanced()
    async with ChainClient(lambda: shop.chain.rpc_url) as client:
        await client.request("anvil_reorg", 2, [])
    assert await shop.received() < before

    async def back() -> bool:
        return await shop.received() == before

    await eventually(back, "the money is there again")
    assert "left its block: it is sent again" in caplog.text
    await shop.balanced()
    assert await shop.states() == ["settled"] * 3


@pytest.mark.parametrize("method", ["eth_sendRawTransaction", "eth_getTransactionReceipt"])
async def test_a_node_that_is_away_while_a_payment_settles(shop: Shop, method: str) -> None:
    """It answers nothing more from the moment that the transaction is sent, and comes back."""
    paid = await paid_order(shop, await shop.payer())
    shop.node.lose[method] = BEFORE
    call = asyncio.create_task(run(shop, paid))

    async def settling() -> bool:
        return await shop.states() == ["settling"] and shop.node.lost.get(method, 0) > 1

    await eventually(settling, "the node is asked in vain")
    assert not call.done()
    shop.node.lose.clear()
    assert isinstance(await call, Settled)
    await shop.balanced()
