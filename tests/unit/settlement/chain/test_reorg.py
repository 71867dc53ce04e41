"""A chain that is reorganised, loses transactions or asks for more: what is sent gets into a block."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from settlement.chain import devnet, journal
from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.errors import GasBudgetSpent, RpcRefused
from settlement.chain.fees import GWEI, Fee, FeePolicy, cost_gwei
from settlement.chain.funding import fund, fund_gas, usdc_balance
from settlement.chain.keys import LocalSigner, Transaction, local_signer, transaction_of
from settlement.chain.tables import TABLES
from settlement.chain.transactions import TransactionManager
from storage.op import Store
from tests.chains import new_address, new_payer, running_chain
from tests.clocks import HandClock
from tests.stores import fresh_store

GAS = 120_000


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[DevChain]:
    """A chain of its own: a reorg would take the blocks of other tests."""
    with running_chain(tmp_path / "chain") as chain:
        yield chain


@dataclass
class Desk:
    manager: TransactionManager
    client: ChainClient
    store: Store
    clock: HandClock
    signer: LocalSigner

    async def send(self, ref: str) -> journal.Entry:
        data = bytes.fromhex("095ea7b3" + new_address()[2:].rjust(64, "0") + f"{1:064x}")
        return await self.manager.send(ref, devnet.USDC, data, GAS)

    async def mined(self, ref: str) -> bool:
        entry = await self.manager.find(ref)
        return entry is not None and await self.manager.receipt(entry) is not None


@asynccontextmanager
async def _desk(chain: DevChain, folder: Path, fees: FeePolicy | None = None) -> AsyncIterator[Desk]:
    signer = local_signer(bytes(new_payer().account.key))
    await fund_gas(chain.rpc_url, signer.address)
    clock = HandClock()
    async with (
        fresh_store(folder, TABLES) as store,
        ChainClient(lambda: chain.rpc_url) as client,
    ):
        manager = TransactionManager(
            store, client, signer, chain.network, chain.genesis, clock, fees or FeePolicy()
        )
        await manager.open()
        yield Desk(manager, client, store, clock, signer)
        await manager.close()


async def test_the_chain_forgets_blocks_and_goes_on(chain: DevChain) -> None:
    address = new_address()
    await fund(chain.rpc_url, address, 5)
    second = await fund(chain.rpc_url, address, 7)
    async with ChainClient(lambda: chain.rpc_url) as client:
        head = int(await client.request("eth_blockNumber"), 16)
        old = await client.request("eth_getBlockByNumber", hex(head), False)
        await client.request("anvil_reorg", 1, [])
        assert int(await client.request("eth_blockNumber"), 16) == head
        new = await client.request("eth_getBlockByNumber", hex(head), False)
        assert new["hash"] != old["hash"]
        assert new["parentHash"] == old["parentHash"]
        assert await client.receipt(second) is None
        assert not await client.logs(devnet.USDC, (None,), head)
        assert await usdc_balance(chain.rpc_url, address) == 5
        await fund(chain.rpc_url, address, 11)
        assert await usdc_balance(chain.rpc_url, address) == 16
        for depth in (0, 33, 10_000, "1"):
            with pytest.raises(RpcRefused):
                await client.request("anvil_reorg", depth)


async def test_what_a_reorg_throws_out_is_sent_again(
    chain: DevChain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with _desk(chain, tmp_path) as desk:
        for ref in ("a", "b", "c"):
            entry = await desk.send(ref)
            desk.manager.mined(entry, await desk.manager.receipt(entry))
        await desk.client.request("anvil_reorg", 2, [])
        assert [await desk.mined(ref) for ref in ("a", "b", "c")] == [True, False, False]
        await desk.manager.tend()
        assert [await desk.mined(ref) for ref in ("a", "b", "c")] == [True, True, True]
        assert "left its block: it is sent again" in caplog.text
        assert (await desk.send("d")).nonce == 3


async def test_a_missing_nonce_is_filled(
    chain: DevChain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody else's transaction had nonce 0 and is gone with its block: ours with 1 waits for ever."""
    async with _desk(chain, tmp_path) as desk:
        price = 10 * await desk.client.gas_price_wei()
        foreign = await desk.signer.sign(
            Transaction(devnet.CHAIN_ID, 0, new_address(), b"", 21_000, price)
        )
        await desk.client.send_raw(foreign.raw)
        await desk.manager.open()
        assert (await desk.send("ours")).nonce == 1
        await desk.client.request("anvil_reorg", 2, [])
        await desk.manager.tend()
        assert await desk.mined("ours")
        assert "nonce 0" in caplog.text
        assert (await desk.send("next")).nonce == 2


async def test_a_nonce_that_another_took_sets_its_ref_free(chain: DevChain, tmp_path: Path) -> None:
    """Ours was thrown out by a reorg and another's transaction got its nonce."""
    async with _desk(chain, tmp_path) as desk:
        await desk.send("ours")
        await desk.client.request("anvil_reorg", 1, [])
        price = 10 * await desk.client.gas_price_wei()
        foreign = await desk.signer.sign(
            Transaction(devnet.CHAIN_ID, 0, new_address(), b"", 21_000, price)
        )
        await desk.client.send_raw(foreign.raw)
        await desk.manager.tend()
        assert await desk.manager.find("ours") is not None  # a node may be behind: not at once
        desk.clock.advance_s(31)
        await desk.manager.tend()
        assert await desk.manager.find("ours") is None
        assert (await desk.send("ours")).nonce == 1


async def test_what_waits_is_replaced_at_a_higher_fee_and_the_policy_bounds_it(
    chain: DevChain, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = 0
    async with _desk(chain, tmp_path, FeePolicy(most_wei=10 * GWEI, bump_after_s=30)) as desk:
        send, held = desk.client.send_raw, []

        async def holding(raw: bytes) -> str:
            held.append(raw)
            return ""

        async def knows(_: str) -> bool:
            return True

        monkeypatch.setattr(desk.client, "send_raw", holding)
        monkeypatch.setattr(desk.client, "knows", knows)
        first = await desk.send("slow")
        await desk.manager.tend()
        assert len(held) == 1  # it had no time yet
        for _ in range(60):
            desk.clock.advance_s(31)
            await desk.manager.tend()
        fees = [transaction_of(raw) for raw in held]
        assert 3 < len(fees) < 61
        for older, newer in pairwise(fees):
            assert newer.nonce == older.nonce == first.nonce
            assert newer.max_fee_wei * 8 >= older.max_fee_wei * 9
            assert newer.tip_wei * 8 >= older.tip_wei * 9
        assert fees[-1].max_fee_wei <= 10 * GWEI
        assert "more than may be paid" in caplog.text
        price = fees[1].max_fee_wei
        monkeypatch.undo()
        await send(held[1])  # a version that was replaced may be the one in a block
        entry = await desk.manager.find("slow")
        assert entry is not None
        assert len(entry.hashes) == len(fees)
        receipt = await desk.manager.receipt(entry)
        assert receipt is not None
        assert receipt.transaction == entry.hashes[-2]
        await desk.manager.tend()
        assert (await desk.send("next")).nonce == 1
    assert price > 0


async def test_a_days_budget_and_a_low_float_are_told(
    chain: DevChain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with ChainClient(lambda: chain.rpc_url) as client:
        one = cost_gwei(GAS, 2 * await client.gas_price_wei())
    policy = FeePolicy(day_budget_gwei=one * 5 // 4, least_float_wei=10**30)
    async with _desk(chain, tmp_path, policy) as desk:
        sent = 0
        while sent < 50 and await _affordable(desk, str(sent)):
            sent += 1
        assert 1 < sent < 50
        assert "spent its budget" in caplog.text
        desk.clock.advance_s(86_401)
        await desk.send("tomorrow")
        await desk.manager.tend()
        await desk.manager.tend()
        assert caplog.text.count("is low") == 1


async def _affordable(desk: Desk, ref: str) -> bool:
    """Send one, if the budget allows it."""
    try:
        entry = await desk.send(ref)
    except GasBudgetSpent:
        return False
    desk.manager.mined(entry, await desk.manager.receipt(entry))
    await desk.store.commit()
    return True


@pytest.mark.parametrize(
    ("old", "price_gwei", "tip_gwei", "new"),
    [
        (Fee(800 * GWEI, 80 * GWEI), 100, 1, Fee(900 * GWEI, 90 * GWEI)),
        (Fee(8 * GWEI, GWEI), 1000, 10, Fee(2000 * GWEI, 10 * GWEI)),
        (Fee(1_000_000, 1_000_000), 0, 0, Fee(1_125_000, 1_125_000)),
        (Fee(1790 * GWEI, 80 * GWEI), 100, 1, None),
    ],
)
def test_a_replacement_is_an_eighth_higher_and_follows_the_price(
    old: Fee, price_gwei: int, tip_gwei: int, new: Fee | None
) -> None:
    policy = FeePolicy(most_wei=2000 * GWEI)
    assert policy.bumped(old, price_gwei * GWEI, tip_gwei * GWEI) == new
