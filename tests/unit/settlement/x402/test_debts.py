"""What a wallet owes for a payment that left its chain ends once, in the books; it is served again."""

import asyncio

import pytest

from base.errors import NotFound, NotReady
from settlement.ledger.ids import CHAIN, FUNDING, LOSS, WRITTEN_OFF
from settlement.ledger.ops import post
from settlement.rail import Delivery, Order, Settled
from settlement.x402.debts import Debts
from settlement.x402.errors import PaymentReused
from settlement.x402.losses import WalletRefused
from settlement.x402.payment import Payment, State
from tests.unit.settlement.x402.house import House, Payer, paid_order, run

ENDS = {State.REPAID: FUNDING, State.FORGIVEN: WRITTEN_OFF}
CHARGED = 1_260


async def lost(house: House, payer: Payer, number: int = 1, **terms: Delivery) -> Order:
    """A call that was answered and whose payment left its chain."""
    paid = await paid_order(house, payer, body=f"sha256:{number:064x}", **terms)
    await run(house, paid)
    row = next(row for row in await house.payments() if row["run_id"] == paid.run_id)
    house.chain.moved.clear()
    await house.rail.reconciliation.losses.book(Payment.from_row(row), "nonce_already_used")
    return paid


async def end(house: House, run_id: str, how: State, note: str | None = None) -> int:
    ended = await Debts(house.store, house.clock).end(run_id, how, note)
    house.rail.reconciliation.losses.forget()
    return ended.owed_nano_usd


@pytest.mark.parametrize("delivery", [Delivery.WHOLE, Delivery.STREAM])
@pytest.mark.parametrize("how", list(ENDS))
async def test_an_ended_debt_is_one_balanced_posting_and_the_wallet_is_served(
    house: House, how: State, delivery: Delivery
) -> None:
    payer = Payer()
    first = await lost(house, payer, delivery=delivery)
    (debt,) = await Debts(house.store, house.clock).owed()
    assert (debt.payment.run_id, debt.owed_nano_usd) == (first.run_id, CHARGED)
    next_call = await paid_order(house, payer, body="sha256:" + "9" * 64)
    with pytest.raises(WalletRefused):
        await run(house, next_call)
    assert await end(house, first.run_id, how, "asked for by mail") == CHARGED
    proof = await house.rail.reconciliation.prove()
    assert proof.differences == ()
    balances = proof.audit.balances
    assert (balances[LOSS], balances[ENDS[how]], balances[CHAIN]) == (0, -CHARGED, 0)
    assert isinstance(await run(house, next_call), Settled)
    assert (await house.rail.reconciliation.prove()).differences == ()
    with pytest.raises(PaymentReused, match="made good"):
        await run(house, first)
    row = next(row for row in await house.payments() if row["run_id"] == first.run_id)
    assert (row["state"], row["reason"]) == (how.value, "asked for by mail")
    assert await Debts(house.store, house.clock).owed() == []


async def test_a_debt_ends_once_whoever_ends_it(house: House) -> None:
    first = await lost(house, Payer())
    ways = (State.REPAID, State.FORGIVEN, State.REPAID, State.FORGIVEN)
    answers = await asyncio.gather(
        *(end(house, first.run_id, how) for how in ways), return_exceptions=True
    )
    assert [answer for answer in answers if not isinstance(answer, NotReady)] == [CHARGED]
    books = await house.audit()
    assert books.balances[LOSS] == 0
    with pytest.raises(NotReady):
        await end(house, first.run_id, State.FORGIVEN)


async def test_a_wallet_that_owes_twice_is_served_when_both_are_ended(house: House) -> None:
    payer = Payer()
    first, second = await _two_lost(house, payer)
    again = await paid_order(house, payer, body="sha256:" + "9" * 64)
    await end(house, first, State.FORGIVEN)
    with pytest.raises(WalletRefused, match=second):
        await run(house, again)
    await end(house, second, State.REPAID)
    assert isinstance(await run(house, again), Settled)
    assert (await house.rail.reconciliation.prove()).differences == ()


async def _two_lost(house: House, payer: Payer) -> tuple[str, str]:
    orders = [await paid_order(house, payer, body=f"sha256:{n:064x}") for n in (1, 2)]
    for paid in orders:
        await run(house, paid)
    house.chain.moved.clear()
    for row in await house.payments():
        await house.rail.reconciliation.losses.book(Payment.from_row(row), "nonce_already_used")
    return orders[0].run_id, orders[1].run_id


async def test_what_owes_nothing_can_not_be_ended(house: House) -> None:
    paid = await paid_order(house, Payer())
    await run(house, paid)
    before = (await house.audit()).balances
    with pytest.raises(NotReady, match="settled"):
        await end(house, paid.run_id, State.FORGIVEN)
    for unknown in ("run_" + "0" * 32, "nothing", ""):
        with pytest.raises(NotFound):
            await end(house, unknown, State.FORGIVEN)
    assert (await house.audit()).balances == before


async def test_a_loss_that_nobody_owes_is_a_difference_of_the_books(house: House) -> None:
    paid = await paid_order(house, Payer())
    await run(house, paid)
    stray = post("stray", LOSS, FUNDING, 5, "loss", paid.run_id, 1)
    await house.store.commit(stray)
    (difference,) = (await house.rail.reconciliation.prove()).differences
    assert difference == f"{paid.run_id} (settled): the account loss bears 5 nano-USD for it"
