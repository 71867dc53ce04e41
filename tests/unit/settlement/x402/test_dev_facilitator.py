"""The dev facilitator on a real chain: an authorization is carried out once, whoever crashes."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from base.clock import SystemClock
from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.errors import ChainUnavailable
from settlement.chain.funding import fund_gas, usdc_balance
from settlement.chain.keys import Transaction, local_signer
from settlement.chain.tables import CHAIN_TX, TABLES
from settlement.chain.usdc import Transfer, transfer_call
from settlement.x402 import reasons
from settlement.x402.facilitator import Authorization, Settlement, SettlementState
from settlement.x402.facilitators.dev import DevFacilitator
from storage.op import Store
from tests.chains import Payer, funded_payer, new_address, new_payer
from tests.live import free_port
from tests.stores import fresh_store
from tests.unit.settlement.chain.faulty_node import AFTER, BEFORE, FaultyNode, faulty_node
from tests.watchdog import ROUNDS, calmest

SETTLED: Final = SettlementState.SETTLED
REFUSED: Final = SettlementState.REFUSED
PENDING: Final = SettlementState.PENDING
STEPS: Final = ("eth_estimateGas", "eth_sendRawTransaction", "eth_getTransactionReceipt")


@dataclass(frozen=True, slots=True)
class Seen:
    """The chain through another door: a faulty node."""

    rpc_url: str
    network: str
    usdc: str
    genesis: str


@dataclass
class House:
    """A facilitator, what it stands on, and a payer with 1,000 atomic USDC."""

    facilitator: DevFacilitator
    store: Store
    node: FaultyNode
    chain: DevChain
    payer: Payer
    payee: str

    async def received(self) -> int:
        return await usdc_balance(self.chain.rpc_url, self.payee)

    async def transactions(self) -> int:
        return len(await self.store.read(select(CHAIN_TX)))


@asynccontextmanager
async def _facilitator(
    chain: DevChain, folder: Path, store: Store, url: str, wait_s: float = 20.0
) -> AsyncIterator[DevFacilitator]:
    seen = Seen(url, chain.network, chain.usdc, chain.genesis)
    async with DevFacilitator(seen, store, SystemClock(), folder / "keys" / "gas.key", wait_s) as made:
        yield made


@pytest.fixture
async def house(dev_chain: DevChain, tmp_path: Path) -> AsyncIterator[House]:
    async with (
        fresh_store(tmp_path, TABLES) as store,
        faulty_node(dev_chain.rpc_url) as node,
        _facilitator(dev_chain, tmp_path, store, node.url) as facilitator,
    ):
        payer = await funded_payer(dev_chain, 1000)
        yield House(facilitator, store, node, dev_chain, payer, new_address())


async def _send_as_stranger(chain: DevChain, transfer: Transfer) -> str:
    """Carry out somebody's authorization with a key of one's own, as a front-runner does."""
    stranger = local_signer(bytes(new_payer().account.key))
    await fund_gas(chain.rpc_url, stranger.address)
    async with ChainClient(lambda: chain.rpc_url) as client:
        data = transfer_call(transfer)
        signed = await stranger.sign(Transaction(31337, 0, transfer.asset, data, 150_000, 10**10))
        receipt = await client.wait_receipt(await client.send_raw(signed.raw))
    assert receipt.succeeded
    return receipt.transaction


def _transfer(authorization: Authorization) -> Transfer:
    return Transfer(
        authorization.asset,
        authorization.payer,
        authorization.payee,
        authorization.value_atomic,
        authorization.valid_after,
        authorization.valid_before,
        authorization.nonce,
        authorization.signature,
    )


async def test_it_verifies_and_settles(house: House) -> None:
    authorization = house.payer.authorize(house.payee, 400)
    assert await house.facilitator.verify(authorization) is None
    settlement = await house.facilitator.settle("run_1", authorization)
    assert settlement.state is SETTLED
    assert await house.received() == 400
    assert await house.facilitator.verify(authorization) == reasons.NONCE_USED
    assert await house.facilitator.outcome("run_1", authorization) == settlement
    async with ChainClient(lambda: house.chain.rpc_url) as client:
        receipt = await client.receipt(settlement.transaction)
    assert receipt is not None
    assert len(receipt.logs) == 2


async def test_wallets_that_end_signatures_with_0_or_1(house: House) -> None:
    authorization = house.payer.authorize(house.payee, 400)
    signature = authorization.signature[:64] + bytes((authorization.signature[64] - 27,))
    spelled = replace(authorization, signature=signature)
    assert await house.facilitator.verify(spelled) is None
    assert (await house.facilitator.settle("run_1", spelled)).state is SETTLED


async def test_what_the_chain_would_refuse(house: House) -> None:
    now = int(time.time())
    payer, payee = house.payer, house.payee
    good = payer.authorize(payee, 400)
    for authorization, reason in (
        (payer.authorize(payee, 1001), reasons.BALANCE),
        (payer.authorize(payee, 1, valid_before=now - 1), reasons.VALID_BEFORE),
        (payer.authorize(payee, 1, valid_after=now + 900), reasons.VALID_AFTER),
        (replace(good, value_atomic=399), reasons.SIGNATURE),
        (replace(good, payee=new_address()), reasons.SIGNATURE),
        (replace(good, signature=b"\x00" * 65), reasons.SIGNATURE),
        (replace(good, network="eip155:8453"), reasons.NETWORK_MISMATCH),
        (replace(good, asset=new_address()), reasons.NETWORK_MISMATCH),
    ):
        assert await house.facilitator.verify(authorization) == reason
        refused = await house.facilitator.settle(f"run_{secrets.token_hex(4)}", authorization)
        assert refused == Settlement(REFUSED, reason=reason)
    assert await house.transactions() == 0
    assert await house.received() == 0


@pytest.mark.parametrize("again", [2, 24])
async def test_settled_many_times_at_once_is_one_transaction(house: House, again: int) -> None:
    authorization = house.payer.authorize(house.payee, 10)
    answers = await asyncio.gather(
        *(house.facilitator.settle("run_1", authorization) for _ in range(again))
    )
    assert {answer.state for answer in answers} == {SETTLED}
    assert len({answer.transaction for answer in answers}) == 1
    assert await house.transactions() == 1
    assert await house.received() == 10


async def test_24_payments_at_once(house: House) -> None:
    authorizations = [house.payer.authorize(house.payee, 10) for _ in range(24)]
    answers = await asyncio.gather(
        *(house.facilitator.settle(f"run_{i}", item) for i, item in enumerate(authorizations))
    )
    assert {answer.state for answer in answers} == {SETTLED}
    assert len({answer.transaction for answer in answers}) == 24
    assert await house.received() == 240


async def test_one_nonce_for_two_payments_pays_one(house: House) -> None:
    nonce = secrets.token_bytes(32)
    first = house.payer.authorize(house.payee, 10, nonce=nonce)
    other = house.payer.authorize(house.payee, 20, nonce=nonce)
    answers = await asyncio.gather(
        house.facilitator.settle("run_1", first), house.facilitator.settle("run_2", other)
    )
    assert sorted(answer.state for answer in answers) == [REFUSED, SETTLED]
    [refused] = [answer for answer in answers if answer.state is REFUSED]
    assert refused.reason == reasons.NONCE_USED
    assert await house.received() in {10, 20}


async def test_a_payer_that_drains_or_cancels_meanwhile(house: House) -> None:
    authorization = house.payer.authorize(house.payee, 700)
    drain = house.payer.authorize(new_address(), 900)
    await _send_as_stranger(house.chain, _transfer(drain))
    refused = await house.facilitator.settle("run_1", authorization)
    assert refused == Settlement(REFUSED, reason=reasons.BALANCE)
    assert await house.received() == 0


async def test_a_front_runner_has_paid_for_the_payer(house: House) -> None:
    authorization = house.payer.authorize(house.payee, 400)
    theirs = await _send_as_stranger(house.chain, _transfer(authorization))
    assert await house.facilitator.settle("run_1", authorization) == Settlement(SETTLED, theirs)
    assert await house.facilitator.outcome("run_1", authorization) == Settlement(SETTLED, theirs)
    assert await house.transactions() == 0
    assert await house.received() == 400


async def test_a_front_runner_between_journal_and_broadcast(
    house: House, dev_chain: DevChain, tmp_path: Path
) -> None:
    """Our own transaction reverts; the payer has paid all the same."""
    authorization = house.payer.authorize(house.payee, 400)
    house.node.lose["eth_sendRawTransaction"] = BEFORE
    async with _facilitator(dev_chain, tmp_path, house.store, house.node.url, wait_s=0.5) as hasty:
        assert (await hasty.settle("run_1", authorization)).state is PENDING
    theirs = await _send_as_stranger(dev_chain, _transfer(authorization))
    house.node.lose.clear()
    async with _facilitator(dev_chain, tmp_path, house.store, house.node.url) as restarted:
        assert await restarted.settle("run_1", authorization) == Settlement(SETTLED, theirs)
    assert await house.received() == 400


@pytest.mark.parametrize("fault", [BEFORE, AFTER])
@pytest.mark.parametrize(
    "method", ["eth_estimateGas", "eth_sendRawTransaction", "eth_getTransactionReceipt"]
)
@pytest.mark.parametrize("recovery", ["settle", "outcome"])
async def test_a_crash_at_any_point_pays_once(
    house: House, dev_chain: DevChain, tmp_path: Path, method: str, fault: str, recovery: str
) -> None:
    """The process ends while the chain does not answer; the next one finds how it stands."""
    authorization = house.payer.authorize(house.payee, 400)
    house.node.lose[method] = fault
    async with _facilitator(dev_chain, tmp_path, house.store, house.node.url, wait_s=0.3) as hasty:
        pending = await hasty.settle("run_1", authorization)
    assert pending.state is PENDING
    assert pending.reason == reasons.PENDING
    house.node.lose.clear()
    async with _facilitator(dev_chain, tmp_path, house.store, house.node.url) as restarted:
        if recovery == "outcome" and method != "eth_estimateGas":
            settled = await restarted.outcome("run_1", authorization)
        else:
            settled = await restarted.settle("run_1", authorization)
        assert settled.state is SETTLED
        assert pending.transaction in {"", settled.transaction}
        assert await restarted.outcome("run_1", authorization) == settled
    assert await house.transactions() == 1
    assert await house.received() == 400


async def test_outcome_of_what_was_never_sent(house: House) -> None:
    authorization = house.payer.authorize(house.payee, 400)
    pending = await house.facilitator.outcome("run_1", authorization)
    assert pending == Settlement(PENDING, reason=reasons.PENDING)
    expired = house.payer.authorize(house.payee, 400, valid_before=int(time.time()) - 1)
    refused = await house.facilitator.outcome("run_2", expired)
    assert refused == Settlement(REFUSED, reason=reasons.VALID_BEFORE)
    assert await house.transactions() == 0


async def test_outcome_of_a_nonce_that_paid_something_else(house: House) -> None:
    nonce = secrets.token_bytes(32)
    ours = house.payer.authorize(house.payee, 400, nonce=nonce)
    await _send_as_stranger(house.chain, _transfer(house.payer.authorize(house.payee, 1, nonce=nonce)))
    refused = await house.facilitator.outcome("run_1", ours)
    assert refused == Settlement(REFUSED, reason=reasons.NONCE_USED)


async def test_a_chain_that_is_away(house: House, dev_chain: DevChain, tmp_path: Path) -> None:
    authorization = house.payer.authorize(house.payee, 400)
    async with _facilitator(dev_chain, tmp_path, house.store, house.node.url, wait_s=0.3) as lost:
        house.node.target = f"http://127.0.0.1:{free_port()}"
        with pytest.raises(ChainUnavailable):
            await lost.verify(authorization)
        assert (await lost.settle("run_1", authorization)).state is PENDING
        assert (await lost.outcome("run_1", authorization)).state is PENDING
    house.node.target = dev_chain.rpc_url
    assert await house.received() == 0


async def test_the_loop_is_never_blocked(house: House, tmp_path: Path) -> None:
    """No single step of the event loop's thread computes for 10 ms while 24 payments settle."""
    async with _facilitator(house.chain, tmp_path, house.store, house.chain.rpc_url) as direct:
        signed = [[house.payer.authorize(house.payee, 10) for _ in range(24)] for _ in range(ROUNDS)]

        async def settled(number: int) -> None:
            answers = await asyncio.gather(
                *(direct.settle(f"run_{number}_{i}", item) for i, item in enumerate(signed[number]))
            )
            assert {answer.state for answer in answers} == {SETTLED}

        busy = await calmest(settled)
    assert busy.worst_ms < 10, busy.step
