"""Transactions are durable before they are sent, carried out once, and leave no nonce out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from base.clock import SystemClock
from settlement.chain import devnet, journal
from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.errors import ChainUnavailable
from settlement.chain.funding import fund_gas, usdc_balance
from settlement.chain.keys import LocalSigner, Transaction, local_signer
from settlement.chain.tables import CHAIN_TX, TABLES
from settlement.chain.transactions import TransactionManager, TransactionRefused
from settlement.chain.usdc import mint_call
from storage.op import Store
from tests.chains import new_address, new_payer
from tests.stores import fresh_store
from tests.unit.settlement.chain.faulty_node import AFTER, BEFORE, FaultyNode, faulty_node

GAS = 120_000


@pytest.fixture
async def signer(dev_chain: DevChain) -> LocalSigner:
    signer = _new_signer()
    await fund_gas(dev_chain.rpc_url, signer.address)
    return signer


@pytest.fixture
async def node(dev_chain: DevChain) -> AsyncIterator[FaultyNode]:
    async with faulty_node(dev_chain.rpc_url) as node:
        yield node


def _new_signer() -> LocalSigner:
    return local_signer(bytes(new_payer().account.key))


@asynccontextmanager
async def _manager(
    chain: DevChain,
    store: Store,
    signer: LocalSigner,
    url: str | None = None,
    genesis: str | None = None,
) -> AsyncIterator[TransactionManager]:
    """A manager as a new process makes it."""
    async with ChainClient(lambda: url or chain.rpc_url) as client:
        manager = TransactionManager(
            store, client, signer, chain.network, genesis or chain.genesis, SystemClock()
        )
        await manager.open()
        yield manager
        await manager.close()


async def _transfer(manager: TransactionManager, ref: str, to: str, amount: int) -> journal.Entry:
    """A transaction whose carrying out shows: an ERC-20 approval of ``amount`` for ``to``."""
    data = bytes.fromhex("095ea7b3" + to[2:].rjust(64, "0") + f"{amount:064x}")
    return await manager.send(ref, devnet.USDC, data, GAS)


async def _mined_nonces(chain: DevChain, store: Store) -> list[int]:
    rows = await store.read(select(CHAIN_TX).order_by(CHAIN_TX.c.nonce))
    async with ChainClient(lambda: chain.rpc_url) as client:
        receipts = [await client.receipt(row["hash"]) for row in rows]
    assert all(receipt is not None and receipt.succeeded for receipt in receipts)
    return [row["nonce"] for row in rows]


async def test_50_at_once_are_50_transactions_without_gaps(
    dev_chain: DevChain, tmp_path: Path, signer: LocalSigner
) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        async with _manager(dev_chain, store, signer) as manager:
            sent = await asyncio.gather(
                *(_transfer(manager, f"ref-{i}", new_address(), i) for i in range(50))
            )
            assert len({entry.hash for entry in sent}) == 50
        assert await _mined_nonces(dev_chain, store) == list(range(50))


async def test_a_ref_is_one_transaction_however_often_it_is_sent(
    dev_chain: DevChain, tmp_path: Path, signer: LocalSigner
) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        async with _manager(dev_chain, store, signer) as manager:
            address = new_address()
            sent = await asyncio.gather(*(_transfer(manager, "same", address, 5) for _ in range(10)))
        async with _manager(dev_chain, store, signer) as restarted:
            sent.append(await _transfer(restarted, "same", address, 5))
        assert len({entry.hash for entry in sent}) == 1
        assert await _mined_nonces(dev_chain, store) == [0]


@pytest.mark.parametrize("fault", [BEFORE, AFTER])
async def test_a_crash_around_the_broadcast(
    dev_chain: DevChain, tmp_path: Path, signer: LocalSigner, node: FaultyNode, fault: str
) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        async with _manager(dev_chain, store, signer, node.url) as manager:
            node.lose["eth_sendRawTransaction"] = fault
            with pytest.raises(ChainUnavailable):
                await _transfer(manager, "first", new_address(), 1)
            journaled = await manager.find("first")
            assert journaled is not None
            assert journaled.nonce == 0
        async with ChainClient(lambda: dev_chain.rpc_url) as client:
            assert await client.knows(journaled.hash) == (fault == AFTER)
    async with fresh_store(tmp_path, TABLES) as store:
        async with _manager(dev_chain, store, signer) as restarted:
            second = await _transfer(restarted, "second", new_address(), 2)
            assert second.nonce == 1
            assert await _transfer(restarted, "first", new_address(), 1) == journaled
        assert await _mined_nonces(dev_chain, store) == [0, 1]


async def test_an_outage_heals_with_the_next_one(
    dev_chain: DevChain, tmp_path: Path, signer: LocalSigner, node: FaultyNode
) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        async with _manager(dev_chain, store, signer, node.url) as manager:
            node.lose["eth_sendRawTransaction"] = BEFORE
            for ref in ("a", "b"):
                with pytest.raises(ChainUnavailable):
                    await _transfer(manager, ref, new_address(), 1)
            node.lose.clear()
            await _transfer(manager, "c", new_address(), 1)
        assert await _mined_nonces(dev_chain, store) == [0, 1, 2]


async def test_a_caller_that_leaves_cancels_nothing(
    dev_chain: DevChain, tmp_path: Path, signer: LocalSigner
) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        async with _manager(dev_chain, store, signer) as manager:
            leaving = asyncio.create_task(_transfer(manager, "left", new_address(), 1))
            await asyncio.sleep(0)
            leaving.cancel()
            await _transfer(manager, "stayed", new_address(), 1)
        assert await _mined_nonces(dev_chain, store) == [0, 1]


async def test_a_nonce_that_somebody_else_used(
    dev_chain: DevChain, tmp_path: Path, signer: LocalSigner
) -> None:
    async with fresh_store(tmp_path, TABLES) as store:
        async with _manager(dev_chain, store, signer) as manager:
            foreign = await signer.sign(Transaction(31337, 0, new_address(), b"", 21_000, 10**10))
            async with ChainClient(lambda: dev_chain.rpc_url) as client:
                await client.send_raw(foreign.raw)
            await _transfer(manager, "ours", new_address(), 1)
        assert await _mined_nonces(dev_chain, store) == [1]


async def test_a_wallet_without_ether_sends_when_it_has_some(
    dev_chain: DevChain, tmp_path: Path
) -> None:
    poor = _new_signer()
    async with fresh_store(tmp_path, TABLES) as store:
        async with _manager(dev_chain, store, poor) as manager:
            with pytest.raises(TransactionRefused, match="insufficient funds"):
                await _transfer(manager, "gas", new_address(), 1)
            assert await manager.find("gas") is None
            await fund_gas(dev_chain.rpc_url, poor.address)
            await _transfer(manager, "gas", new_address(), 1)
        assert await _mined_nonces(dev_chain, store) == [0]


async def test_another_chain_leaves_no_gap(
    dev_chain: DevChain, tmp_path: Path, signer: LocalSigner
) -> None:
    """A new development chain starts at nonce 0, whatever the journal holds of the old one."""
    old = "0x" + "11" * 32
    async with fresh_store(tmp_path, TABLES) as store:
        async with _manager(dev_chain, store, signer, genesis=old) as manager:
            await _transfer(manager, "old", new_address(), 1)
        fresh = _new_signer()
        await fund_gas(dev_chain.rpc_url, fresh.address)
        async with _manager(dev_chain, store, fresh) as manager:
            assert (await _transfer(manager, "new", new_address(), 1)).nonce == 0
            assert await manager.find("old") is None


async def test_only_the_funder_mints(dev_chain: DevChain, tmp_path: Path, signer: LocalSigner) -> None:
    """A transaction that reverts is mined too: the next nonce follows it."""
    address = new_address()
    async with (
        fresh_store(tmp_path, TABLES) as store,
        _manager(dev_chain, store, signer) as manager,
        ChainClient(lambda: dev_chain.rpc_url) as client,
    ):
        reverted = await manager.send("mint", devnet.USDC, mint_call(address, 10), GAS)
        receipt = await client.wait_receipt(reverted.hash)
        assert not receipt.succeeded
        assert (await _transfer(manager, "after", address, 1)).nonce == reverted.nonce + 1
    assert await usdc_balance(dev_chain.rpc_url, address) == 0
