"""Permit2, the x402 proxies and contract wallets on the development chain."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
from eth_abi.abi import encode
from eth_typing import Hash32
from eth_utils.crypto import keccak

from base.clock import SystemClock
from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.funding import fund, fund_gas, usdc_balance
from settlement.chain.permit2 import PERMIT2, is_deployed
from settlement.chain.tables import TABLES
from settlement.x402 import reasons
from settlement.x402.facilitator import Authorization, Settlement, SettlementState
from settlement.x402.facilitators.dev import DevFacilitator
from settlement.x402.facilitators.movement import movement_of
from settlement.x402.wallets import ContractWallets
from tests.chains import (
    Payer,
    deployed,
    funded_payer,
    new_address,
    new_payer,
    smart_wallet,
)
from tests.stores import fresh_store

SETTLED: Final = SettlementState.SETTLED
REFUSED: Final = SettlementState.REFUSED
PENDING: Final = SettlementState.PENDING


@dataclass
class House:
    """A facilitator on the chain, and a payer with 1,000 atomic USDC and no gas."""

    facilitator: DevFacilitator
    chain: DevChain
    payer: Payer
    payee: str

    async def received(self) -> int:
        return await usdc_balance(self.chain.rpc_url, self.payee)

    def upto(self, value: int, settles: int | None = None, **terms: object) -> Authorization:
        settler = self.facilitator.address
        permit = self.payer.permit(self.payee, value, facilitator=settler, **terms)  # type: ignore[arg-type]
        return replace(permit, settles_atomic=settles)

    async def approve(self, value: int = 2**256 - 1) -> None:
        """The wallet's own approval of Permit2, once and for all."""
        await fund_gas(self.chain.rpc_url, self.payer.address)
        call = _call("approve(address,uint256)", PERMIT2, value)
        assert await self.payer.send(self.chain.rpc_url, USDC, call)


@pytest.fixture
async def house(dev_chain: DevChain, tmp_path: Path) -> AsyncIterator[House]:
    async with (
        fresh_store(tmp_path, TABLES) as store,
        DevFacilitator(dev_chain, store, SystemClock(), tmp_path / "keys" / "gas.key") as facilitator,
    ):
        payer = await funded_payer(dev_chain, 1000)
        yield House(facilitator, dev_chain, payer, new_address())


def _call(signature: str, *values: object) -> bytes:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return keccak(text=signature)[:4] + encode(types, values)


async def test_upto_without_gas_moves_what_was_used(house: House) -> None:
    """The payer has no ether, and never approved anything: two signatures do it."""
    signed = house.upto(400, approval=house.payer.approval(400))
    assert await house.facilitator.verify(signed) is None
    used = replace(signed, settles_atomic=123)
    settled = await house.facilitator.settle("run_1", used)
    assert (settled.state, await house.received()) == (SETTLED, 123)
    assert await house.facilitator.settle("run_1", used) == settled
    assert await house.facilitator.outcome("run_1", used) == settled
    assert await house.facilitator.verify(signed) == reasons.PERMIT_NONCE_USED


@pytest.mark.parametrize("scheme", ["upto", "exact"])
async def test_an_approved_wallet_signs_once_a_payment(house: House, scheme: str) -> None:
    await house.approve()
    for number in range(3):
        signed = house.upto(200) if scheme == "upto" else house.payer.permit(house.payee, 200)
        assert await house.facilitator.verify(signed) is None
        assert (await house.facilitator.settle(f"run_{number}", signed)).state is SETTLED
    assert await house.received() == 600


async def test_exact_without_gas(house: House) -> None:
    signed = house.payer.permit(house.payee, 400, approval=house.payer.approval(400))
    assert await house.facilitator.verify(signed) is None
    assert (await house.facilitator.settle("run_1", signed)).state is SETTLED
    assert await house.received() == 400


async def test_what_the_chain_would_refuse(house: House) -> None:
    now = int(time.time())
    poor = replace(house, payer=new_payer())
    assert await house.facilitator.verify(house.upto(400)) == reasons.ALLOWANCE
    assert await house.facilitator.verify(poor.upto(400)) == reasons.BALANCE
    forged = house.payer.approval(400, nonce=7)
    assert await house.facilitator.verify(house.upto(400, approval=forged)) == reasons.ALLOWANCE
    less = house.upto(400, approval=house.payer.approval(399))
    assert await house.facilitator.verify(less) == reasons.APPROVAL_AMOUNT
    await house.approve()
    good = house.upto(400)
    for signed, reason in (
        (house.upto(1001), reasons.BALANCE),
        (house.upto(1, deadline=now - 60), reasons.VALID_BEFORE),
        (house.upto(1, valid_after=now + 900), reasons.VALID_AFTER),
        (replace(good, value_atomic=401), reasons.PERMIT_SIGNATURE),
        (replace(good, payee=new_address()), reasons.PERMIT_SIGNATURE),
        (replace(good, valid_before=good.valid_before + 1), reasons.PERMIT_SIGNATURE),
        (replace(good, facilitator=""), reasons.PERMIT_SIGNATURE),
        (house.payer.permit(house.payee, 4, facilitator=new_address()), reasons.FACILITATOR),
        (replace(good, network="eip155:8453"), reasons.NETWORK_MISMATCH),
    ):
        assert await house.facilitator.verify(signed) == reason
        assert await house.facilitator.settle(f"run_{signed.nonce}", signed) == Settlement(
            REFUSED, reason=reason
        )
    assert await house.received() == 0


async def test_more_than_was_signed_never_moves(house: House) -> None:
    await house.approve()
    refused = await house.facilitator.settle("run_1", house.upto(400, 401))
    assert refused.state is REFUSED
    assert await house.received() == 0


async def test_a_stranger_can_not_settle_upto(house: House) -> None:
    """Else a front-runner could take the maximum, or a single unit, of a call that runs."""
    await house.approve()
    stranger = new_payer()
    await fund_gas(house.chain.rpc_url, stranger.address)
    movement = movement_of(house.upto(400, 1))
    assert not await stranger.send(house.chain.rpc_url, movement.to, movement.data)
    assert await house.received() == 0


@pytest.mark.parametrize("sponsored", [False, True])
async def test_a_front_runner_of_exact_has_paid_for_the_payer(house: House, sponsored: bool) -> None:
    await house.approve()
    approval = house.payer.approval(400) if sponsored else None
    signed = house.payer.permit(house.payee, 400, approval=approval)
    stranger = new_payer()
    await fund_gas(house.chain.rpc_url, stranger.address)
    theirs = movement_of(replace(signed, approval=None))
    assert await stranger.send(house.chain.rpc_url, theirs.to, theirs.data)
    settled = await house.facilitator.settle("run_1", signed)
    assert settled.state is SETTLED
    assert await house.facilitator.outcome("run_1", signed) == settled
    nonce, later = int(signed.nonce, 16), signed.valid_before + 9
    other = house.payer.permit(house.payee, 400, nonce=nonce, deadline=later)
    refused = Settlement(REFUSED, reason=reasons.NONCE_USED)
    assert await house.facilitator.outcome("run_2", other) == refused
    assert await house.received() == 400


async def test_one_transfer_pays_for_its_own_permit_alone(house: House) -> None:
    """The payer cancels one permit and pays another of the same amount: the first stays unpaid."""
    await house.approve()
    cancelled = house.payer.permit(house.payee, 400)
    nonce = int(cancelled.nonce, 16)
    call = _call("invalidateUnorderedNonces(uint256,uint256)", nonce >> 8, 1 << (nonce & 255))
    assert await house.payer.send(house.chain.rpc_url, PERMIT2, call)
    paid = house.payer.permit(house.payee, 400)
    assert (await house.facilitator.settle("run_2", paid)).state is SETTLED
    refused = Settlement(REFUSED, reason=reasons.NONCE_USED)
    assert await house.facilitator.outcome("run_1", cancelled) == refused
    assert (await house.facilitator.settle("run_1", cancelled)).state is REFUSED
    assert await house.received() == 400


async def test_a_payer_that_drains_meanwhile(house: House) -> None:
    await house.approve()
    signed = house.upto(700)
    assert await house.facilitator.verify(signed) is None
    drain = house.payer.authorize(new_address(), 900)
    assert (await house.facilitator.settle("run_2", drain)).state is SETTLED
    refused = await house.facilitator.settle("run_1", replace(signed, settles_atomic=500))
    assert refused == Settlement(REFUSED, reason=reasons.BALANCE)


async def test_outcome_of_what_was_never_sent(house: House) -> None:
    await house.approve()
    assert (await house.facilitator.outcome("run_1", house.upto(400))).state is PENDING
    expired = house.upto(400, deadline=int(time.time()) - 60)
    refused = Settlement(REFUSED, reason=reasons.VALID_BEFORE)
    assert await house.facilitator.outcome("run_2", expired) == refused


# --- contract wallets


async def test_a_contract_wallet_pays_by_either_method(house: House) -> None:
    wallet = await smart_wallet(house.chain.rpc_url, house.payer)
    await fund(house.chain.rpc_url, wallet, 1000)
    signed = house.payer.authorize(house.payee, 400, sender=wallet)
    assert await house.facilitator.verify(signed) is None
    assert (await house.facilitator.settle("run_1", signed)).state is SETTLED
    by_permit = house.payer.permit(house.payee, 100, sender=wallet)
    assert await house.facilitator.verify(by_permit) == reasons.ALLOWANCE  # it can approve by itself
    assert await house.received() == 400


async def test_a_contract_tells_what_it_signed(house: House) -> None:
    wallet = await smart_wallet(house.chain.rpc_url, house.payer)
    digest = Hash32(keccak(text="anything"))
    owner, stranger = house.payer, new_payer()
    async with ChainClient(lambda: house.chain.rpc_url) as client:
        wallets = ContractWallets({NETWORK: client})
        good = bytes(owner.account.unsafe_sign_hash(digest).signature)
        assert await wallets.signed(NETWORK, wallet, digest, good)
        forged = bytes(stranger.account.unsafe_sign_hash(digest).signature)
        for payer, signature in ((wallet, forged), (wallet, b"\1"), (owner.address, good), (USDC, good)):
            assert not await wallets.signed(NETWORK, payer, digest, signature)


async def test_a_contract_that_burns_gas_pays_nothing(house: House) -> None:
    """It says yes to everything, after it hashed half a megabyte at our expense."""
    burn = "62080000" + "6000" + "20" + "50"  # keccak256(0, 0x80000)
    yes = "631626ba7e" + "60e01b" + "600052" + "60206000f3"
    runtime = bytes.fromhex(burn + yes)
    creation = bytes.fromhex(f"60{len(runtime):02x}80600b6000396000f3") + runtime
    wallet = await deployed(house.chain.rpc_url, creation)
    await fund(house.chain.rpc_url, wallet, 1000)
    signed = house.payer.authorize(house.payee, 400, sender=wallet)
    assert await house.facilitator.verify(signed) is not None
    assert (await house.facilitator.settle("run_1", signed)).state is REFUSED
    async with ChainClient(lambda: house.chain.rpc_url) as client:
        assert not await ContractWallets({NETWORK: client}).signed(NETWORK, wallet, bytes(32), b"\1")
        assert await client.call(wallet, b"", gas=2_000_000)  # given enough, it does say yes
    assert await house.received() == 0


async def test_the_contracts_stand_on_a_new_chain(house: House) -> None:
    async with ChainClient(lambda: house.chain.rpc_url) as client:
        assert await is_deployed(client)
