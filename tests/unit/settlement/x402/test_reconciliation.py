"""The proof of the books: it holds whatever happened, and it finds what does not fit."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from base.errors import BatchinError
from settlement.ledger.ids import CHAIN, LOSS, RECEIVABLE, REVENUE
from settlement.ledger.ops import post
from settlement.ledger.tables import TRANSFER
from settlement.rail import Delivery
from settlement.x402.losses import WalletRefused
from settlement.x402.payment import Payment
from settlement.x402.reconciliation import Reconciliation
from storage.op import Op, Rows
from tests.unit.settlement.x402.house import (
    Chain,
    Clock,
    House,
    Payer,
    granted,
    opened,
    paid_order,
    run,
)


async def _paid(house: House, delivery: Delivery = Delivery.WHOLE) -> Payment:
    paid = await paid_order(house, Payer(), delivery=delivery)
    await run(house, paid)
    rows = await house.payments()
    return next(Payment.from_row(row) for row in rows if row["run_id"] == paid.run_id)


def _reconciliation(house: House) -> Reconciliation:
    return house.rail.reconciliation


async def test_every_state_of_a_payment_fits(house: House) -> None:
    """Paid before and after its run, credited, failed, under way, running: each is accounted for."""
    reconciliation = _reconciliation(house)
    await _paid(house)
    await _paid(house, Delivery.STREAM)
    house.chain.mood = "refuse"
    with pytest.raises(BatchinError):
        await run(house, await paid_order(house, Payer()))
    house.chain.mood, house.chain.looks = "drop", 0
    capture = asyncio.create_task(run(house, await paid_order(house, Payer())))
    await house.chain.until_looked()
    house.chain.mood = "mine"
    running = granted(await house.rail.authorize(await paid_order(house, Payer())))
    stream = await paid_order(house, Payer(), delivery=Delivery.STREAM)
    credited = granted(await house.rail.authorize(stream))
    proof = await reconciliation.prove()
    assert proof.differences == ()
    (one,) = proof.arrivals
    assert (one.payments, one.open, one.received_atomic) == (6, 3, 3 * 28)
    assert (one.charged_nano_usd, one.due_nano_usd) == (2 * 1_260, 1_260)
    await credited.release()
    await running.release()
    capture.cancel()
    assert (await reconciliation.prove()).differences == ()


async def test_what_does_not_fit_is_found_and_named(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    reconciliation = _reconciliation(house)
    payment = await _paid(house)
    await house.store.commit(post("stray", CHAIN, REVENUE, 7, "stray", payment.run_id, 1))
    proof = await reconciliation.prove()
    assert any("received 28000 nano-USD, the books took 28007" in text for text in proof.differences)
    assert any(payment.run_id in text for text in proof.differences)
    assert reconciliation.differences == proof.differences
    first = caplog.text.count("the books differ")
    await reconciliation.prove()
    assert caplog.text.count("the books differ") == first == len(proof.differences)


async def test_a_charge_without_its_usage_is_found(house: House) -> None:
    payment = await _paid(house)

    def fold(rows: Rows) -> None:
        row = rows.get(payment.key) or {}
        rows.put(payment.key, {**row, "charged_nano_usd": 1})

    await house.store.commit(Op((payment.key,), fold))
    (text,) = (await _reconciliation(house).prove()).differences
    assert "charged 1 nano-USD, the usage of their runs 1260" in text


async def test_a_settlement_that_leaves_its_chain_is_reported_until_it_is_back(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    reconciliation = _reconciliation(house)
    payment = await _paid(house)
    assert await reconciliation.look() == 0
    house.clock.advance_s(3)
    assert await reconciliation.look() == 1
    assert reconciliation.differences == ()
    moved = dict(house.chain.moved)
    house.chain.moved.clear()
    house.chain.mood = "drop"
    house.clock.advance_s(6)
    await reconciliation.look()
    told = " ".join(reconciliation.differences)
    assert payment.run_id in told
    assert "no more" in told
    house.chain.moved.update(moved)
    house.clock.advance_s(3)
    await reconciliation.look()
    assert reconciliation.differences == ()
    assert "on its chain again" in caplog.text


async def test_a_settled_payment_is_looked_for_ever_more_seldom(house: House) -> None:
    await _paid(house)
    reconciliation = _reconciliation(house)
    looks = 0
    for _ in range(1200):
        house.clock.advance_s(2)
        looks += await reconciliation.look()
    assert 8 <= looks <= 14


async def test_a_new_process_watches_what_an_earlier_one_settled(tmp_path: Path) -> None:
    chain = Chain(Clock())
    async with opened(tmp_path, chain) as house:
        await _paid(house)
    chain.moved.clear()
    chain.mood = "drop"
    chain.clock.advance_s(5)
    async with opened(tmp_path, chain) as house:
        await _reconciliation(house).look()
        assert len(_reconciliation(house).differences) == 1


async def test_a_settlement_that_leaves_its_chain_is_settled_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    payment = await _paid(house)
    house.chain.moved.clear()
    house.clock.advance_s(3)
    assert await _reconciliation(house).look() == 1
    assert house.chain.received == 28
    assert _reconciliation(house).differences == ()
    await house.balanced()
    assert payment.state.value == await house.state() == "settled"
    assert "settled again" in caplog.text


@pytest.mark.parametrize("delivery", [Delivery.WHOLE, Delivery.STREAM])
async def test_what_will_not_come_again_is_booked_as_lost_and_its_wallet_refused(
    house: House, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    payer = Payer()
    paid = await paid_order(house, payer, delivery=delivery)
    await run(house, paid)
    other = await paid_order(house, payer, body="sha256:" + "9" * 64)
    house.chain.moved.clear()
    house.chain.mood = "drop"
    house.clock.advance_s(3)
    await _reconciliation(house).look()
    house.clock.advance_s(3600)
    for _ in range(2):
        await _reconciliation(house).look()
        assert await house.state() == "settled"  # another reorganisation may bring it back
        house.clock.advance_s(300)
    house.clock.advance_s(10)
    await _reconciliation(house).look()
    assert await house.state() == "lost"
    assert "is lost" in caplog.text
    house.clock.advance_s(10)
    await _reconciliation(house).look()
    proof = await _reconciliation(house).prove()
    assert (proof.differences, _reconciliation(house).differences) == ((), ())
    books = await house.audit()
    assert books.balances[CHAIN] == 0 == house.chain.received
    assert books.balances[LOSS] == -1_260
    assert books.balances.get(RECEIVABLE, 0) == 0
    assert books.balances[payer.credit_account] == 0
    lost = TRANSFER.c.code == "loss"
    assert sum(row["amount"] for row in await house.store.read(select(TRANSFER).where(lost))) == 28_000
    for again in (paid, other):
        with pytest.raises(WalletRefused, match=paid.run_id) as refused:
            await run(house, again)
        assert (refused.value.status, refused.value.code) == (403, "forbidden")
    house.chain.mood, house.clock.ahead_ms = "mine", 0  # wallets sign by the real time
    await run(house, await paid_order(house, Payer()))  # others are served


async def test_a_new_process_remembers_whom_it_does_not_serve(tmp_path: Path) -> None:
    chain, payer = Chain(Clock()), Payer()
    async with opened(tmp_path, chain) as house:
        paid = await paid_order(house, payer)
        await run(house, paid)
        row = (await house.payments())[0]
        chain.moved.clear()
        await house.rail.reconciliation.losses.book(Payment.from_row(row), "nonce_already_used")
    async with opened(tmp_path, chain) as house:
        with pytest.raises(WalletRefused):
            await run(house, paid)
