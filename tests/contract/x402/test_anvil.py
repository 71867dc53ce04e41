"""The rail on anvil, a chain by others and with block times: the official client signs, all settle."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from sqlalchemy import select
from x402 import x402Client
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSignerWithRPC
from x402.mechanisms.evm.upto import UptoEvmScheme
from x402.schemas import PaymentRequired

from server.ledger import LedgerOffice
from server.operations import NoArguments
from settlement.chain.client import ChainClient
from settlement.chain.funding import fund, usdc_balance
from settlement.chain.tables import TABLES as CHAIN_TABLES
from settlement.ledger.books import audit
from settlement.ledger.ids import CHAIN, LOSS
from settlement.rail import Order, Settled
from settlement.x402.facilitators.dev import DevFacilitator
from settlement.x402.rail import X402Rail
from settlement.x402.sale import Asset, Sale
from settlement.x402.tables import PAYMENT
from storage.op import Store
from tests.anvil import Anvil, anvil
from tests.chains import new_address
from tests.stores import fresh_store
from tests.unit.settlement.x402.house import ALL_TABLES, Clock, Payer, challenged, order, rail_over, run
from tests.watchdog import Watchdog, beside

pytestmark = pytest.mark.peers
MOST_LAG_MS: Final = 50


@dataclass
class Shop:
    rail: X402Rail
    store: Store
    chain: Anvil
    pay_to: str

    async def received(self) -> int:
        return await usdc_balance(self.chain.rpc_url, self.pay_to)

    async def wallet(self, scheme: str) -> "Wallet":
        wallet = Wallet(self.chain.rpc_url, scheme)
        await fund(self.chain.rpc_url, wallet.address, 1_000)
        return wallet

    async def order(self, wallet: "Wallet", **terms: Any) -> Order:
        return order(await wallet.sign(await challenged(self, order(**terms))), **terms)


class Wallet(Payer):
    """The official client, for one way to pay. It has USDC, and no gas."""

    def __init__(self, rpc_url: str, scheme: str) -> None:
        super().__init__()
        signer = EthAccountSignerWithRPC(self.account, rpc_url)
        self.client = x402Client()
        self.client.set_spend_controls(False)
        schemes: dict[str, Any] = {
            "upto": UptoEvmScheme,
            "exact": ExactEvmScheme,
            "permit2": ExactEvmScheme,
        }
        self.client.register("eip155:31337", schemes[scheme](signer))
        if scheme == "permit2":
            self.client.register_policy(_by_permit2)

    async def sign(self, challenge: Any, policy: Any = None) -> Any:
        required = PaymentRequired.model_validate(challenge)
        payload = await self.client.create_payment_payload(required)
        return orjson.loads(payload.model_dump_json(by_alias=True, exclude_none=True))


def _by_permit2(_: int, offers: list[Any]) -> list[Any]:
    return [offer for offer in offers if (offer.extra or {}).get("assetTransferMethod") == "permit2"]


@asynccontextmanager
async def _shop(folder: Path, clock: Clock | None = None) -> AsyncIterator[Shop]:
    pay_to, clock = new_address(), clock or Clock()
    async with (
        anvil(folder) as chain,
        fresh_store(folder, *ALL_TABLES, CHAIN_TABLES) as store,
        DevFacilitator(chain, store, clock, folder / "keys" / "gas.key") as facilitator,
    ):
        asset = Asset(chain.network, chain.usdc, "USDC", "2")
        sale = Sale(asset, pay_to, 1, run_s=60, permit2_settler=facilitator.address)
        rail, _ = await rail_over(folder, store, facilitator, clock, sale)
        yield Shop(rail, store, chain, pay_to)


@pytest.mark.parametrize(("scheme", "moved"), [("exact", 28), ("permit2", 28), ("upto", 2)])
async def test_the_official_client_pays_on_anvil(tmp_path: Path, scheme: str, moved: int) -> None:
    async with _shop(tmp_path) as shop:
        wallet = await shop.wallet(scheme)
        settled = await run(shop, await shop.order(wallet))
        assert isinstance(settled, Settled)
        assert settled.settlement is not None
        assert settled.settlement["amount"] == str(moved)
        assert await shop.received() == moved
        assert (await audit(shop.store)).faults == ()


async def test_24_at_once_at_two_seconds_a_block_all_settle(tmp_path: Path) -> None:
    """And the event loop never waits for the chain: a watchdog measures its lag meanwhile, another one,
    in a process that does nothing else, how late this machine makes everybody."""
    async with _shop(tmp_path) as shop:
        wallets = [
            await shop.wallet(scheme) for scheme in ("exact", "permit2", "upto") for _ in range(8)
        ]
        orders = [
            await shop.order(wallet, body=f"sha256:{number:064x}")
            for number, wallet in enumerate(wallets)
        ]
        await shop.chain.block_every(2)
        with beside() as control:
            async with Watchdog() as watchdog:
                settled = await asyncio.gather(*(run(shop, one) for one in orders))
            idle = control()
        assert all(isinstance(answer, Settled) for answer in settled)
        assert await shop.received() == 16 * 28 + 8 * 2
        assert (await audit(shop.store)).faults == ()
        print(
            f"24 paid calls at 2 s a block, {watchdog.told}. A process that does nothing: {idle.told}."
        )
        assert watchdog.worst_busy_ms < MOST_LAG_MS
        assert watchdog.worst_own_ms < MOST_LAG_MS + idle.worst_own_ms


async def test_a_loop_that_waits_for_a_chain_is_seen() -> None:
    """It computes nothing meanwhile: the processor's time alone would not tell."""
    async with Watchdog() as watchdog:
        await asyncio.sleep(0.01)
        time.sleep(2 * MOST_LAG_MS / 1000)  # noqa: ASYNC251 - it is what must not happen
        await asyncio.sleep(0.01)
    assert watchdog.worst_own_ms > MOST_LAG_MS > watchdog.worst_busy_ms


async def _settled(shop: Shop) -> Settled:
    """A call whose settlement is two blocks deep."""
    settled = await run(shop, await shop.order(await shop.wallet("exact")))
    assert isinstance(settled, Settled)
    await shop.chain.mint(new_address(), 1)
    return settled


async def _looked(shop: Shop, clock: Clock, after_s: int) -> None:
    """The chain is asked for the payment: a look is due when its age has doubled."""
    clock.advance_s(after_s)
    assert await shop.rail.reconciliation.look() == 1


async def _audited(shop: Shop, clock: Clock) -> dict[str, Any]:
    """What ``batchin ledger audit`` says."""
    operations = LedgerOffice(shop.store, clock, shop.rail.reconciliation).operations()
    told: dict[str, Any] = await operations["ledger.audit"].run(NoArguments())
    return told


async def _forgotten(shop: Shop, *then: tuple[Any, ...]) -> None:
    async with ChainClient(lambda: shop.chain.rpc_url) as client:
        await client.request("anvil_reorg", 2, [])
        for method, *arguments in then:
            await client.request(method, *arguments)
    assert await shop.received() == 0


async def test_a_settlement_that_a_reorganisation_drops_is_settled_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    async with _shop(tmp_path, clock) as shop:
        await _settled(shop)
        (payment,) = await shop.store.read(select(PAYMENT))
        await _looked(shop, clock, 3)
        assert "left its block" not in caplog.text
        await _forgotten(shop)
        await _looked(shop, clock, 600)
        assert f"settle:{payment['run_id']} left its block: it is sent again" in caplog.text
        assert await shop.received() == 28
        # the books name a transaction that is on the chain, and took the money once
        (after,) = await shop.store.read(select(PAYMENT))
        async with ChainClient(lambda: shop.chain.rpc_url) as client:
            receipt = await client.receipt(after["transaction_hash"])
        assert receipt is not None
        assert receipt.succeeded
        assert after["state"] == payment["state"] == "settled"
        proof = await shop.rail.reconciliation.prove()
        assert (proof.differences, shop.rail.reconciliation.differences) == ((), ())
        assert -proof.audit.balances[CHAIN] == 28_000
        told = await _audited(shop, clock)
        assert (told["balanced"], told["differences"]) == (True, [])
        (asset,) = told["payments"]
        assert (asset["received_atomic"], asset["lost_nano_usd"]) == (28, 0)


async def test_a_settlement_that_is_too_late_to_repeat_is_booked_as_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    async with _shop(tmp_path, clock) as shop:
        await _settled(shop)
        await _looked(shop, clock, 3)
        await _forgotten(shop, ("evm_increaseTime", 100_000), ("evm_mine",))
        await _looked(shop, clock, 600)
        told = await _audited(shop, clock)
        assert told["balanced"] is False
        assert any("no more" in text for text in told["differences"])
        clock.advance_s(600)
        await _looked(shop, clock, 60)
        proof = await shop.rail.reconciliation.prove()
        assert proof.differences == ()
        assert not shop.rail.reconciliation.differences
        assert proof.audit.balances[CHAIN] == 0 == await shop.received()
        assert proof.audit.balances[LOSS] < 0
        told = await _audited(shop, clock)
        assert told["balanced"] is True
        assert told["system_accounts"]["loss"] == proof.audit.balances[LOSS]
        (payment,) = await shop.store.read(select(PAYMENT))
        lines = [record.message for record in caplog.records if "is lost" in record.message]
        assert lines
        assert all(payment["run_id"] in line and payment["payer"] in line for line in lines)
