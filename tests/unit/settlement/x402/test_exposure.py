"""What runs before its money has moved is bounded: by wallet, and in all."""

import asyncio
from pathlib import Path

import pytest

from base.money import nano_from_atomic
from settlement.rail import Delivery
from settlement.x402.exposure import Exposure, TooMuchUnsettled
from settlement.x402.payment import Payment
from tests.unit.settlement.x402.house import (
    Chain,
    Clock,
    House,
    Payer,
    granted,
    opened,
    order,
    paid_order,
    run,
)

SIGNED = nano_from_atomic(28)


async def begun(house: House, payer: Payer, number: int) -> None:
    """A call that runs, and does not end."""
    granted(await house.rail.authorize(await paid_order(house, payer, body=f"sha256:{number:064x}")))


async def test_a_wallet_has_few_calls_at_once_and_the_next_keeps_its_payment(tmp_path: Path) -> None:
    async with opened(tmp_path, Chain(Clock()), exposure=Exposure(2, 1000 * SIGNED)) as house:
        payer, other = Payer(), Payer()
        first = await paid_order(house, payer)
        grant = granted(await house.rail.authorize(first))
        await begun(house, payer, 2)
        late = await paid_order(house, payer, body="sha256:" + "3" * 64)
        with pytest.raises(TooMuchUnsettled) as refused:
            await house.rail.authorize(late)
        assert (refused.value.status, refused.value.code) == (429, "rate_limited")
        assert refused.value.headers["Retry-After"] == "2"
        assert not refused.value.retryable
        assert "2 calls" in refused.value.message
        await begun(house, other, 4)  # another wallet is another's
        assert len(await house.payments()) == 3  # the refused one left nothing
        await grant.release()
        granted(await house.rail.authorize(order(late.payment, body="sha256:" + "3" * 64)))


async def test_all_wallets_together_have_a_bound_too(tmp_path: Path) -> None:
    async with opened(tmp_path, Chain(Clock()), exposure=Exposure(9, 2 * SIGNED)) as house:
        await begun(house, Payer(), 1)
        await begun(house, Payer(), 2)
        with pytest.raises(TooMuchUnsettled, match="no more may at once"):
            await begun(house, Payer(), 3)
        upfront = await paid_order(house, Payer(), delivery=Delivery.STREAM)
        granted(await house.rail.authorize(upfront))  # its money has moved


async def test_what_waits_for_its_chain_is_counted_until_it_is_settled(tmp_path: Path) -> None:
    chain = Chain(Clock())
    async with opened(tmp_path, chain, exposure=Exposure(1, 1000 * SIGNED)) as house:
        payer = Payer()
        chain.mood = "drop"
        running = asyncio.create_task(run(house, await paid_order(house, payer)))
        await house.until("pending")
        running.cancel()
        await asyncio.wait((running,))
        with pytest.raises(TooMuchUnsettled):  # before anybody looked for it
            await begun(house, payer, 2)
        await house.rail.recovery.reconcile()
        with pytest.raises(TooMuchUnsettled):
            await begun(house, payer, 2)
        chain.mood = "mine"
        chain.mine(Payment.from_row((await house.payments())[0]).authorization)
        await house.rail.recovery.reconcile()
        await begun(house, payer, 2)
