"""The extension payment-identifier: a payer that names its request pays for it once."""

import asyncio
from typing import Any

import pytest
from x402.extensions.payment_identifier import append_payment_identifier_to_extensions

from settlement.rail import Order, Replay, Settled
from settlement.x402.errors import PaymentInvalid, PaymentMalformed, PaymentReused, SettlementFailed
from tests.unit.settlement.x402.house import (
    House,
    Payer,
    challenged,
    granted,
    order,
    outcome_of,
    run,
)

NAME = "pay_7d5d747be160e280504c"
OTHER_BODY = "sha256:" + "9" * 64


async def named(house: House, payer: Payer, name: str = NAME, **terms: Any) -> Order:
    """An order with a fresh payment, named as the official client names it."""
    payment = await payer.sign(await challenged(house, order(**terms)))
    append_payment_identifier_to_extensions(payment["extensions"], name)
    return order(payment, **terms)


async def test_paid_anew_under_its_name_it_is_answered_and_takes_nothing(
    house: House, payer: Payer
) -> None:
    first = await run(house, await named(house, payer))
    again = await run(house, await named(house, payer))
    assert isinstance(again, Replay)
    assert again.settled == first
    assert house.chain.received == 28
    assert len(await house.payments()) == 1
    await house.balanced()


async def test_a_name_is_for_one_request(house: House, payer: Payer) -> None:
    await run(house, await named(house, payer))
    with pytest.raises(PaymentReused, match="identifier was used for another request") as refused:
        await house.rail.authorize(await named(house, payer, body=OTHER_BODY))
    assert refused.value.status == 409
    assert house.chain.received == 28
    assert isinstance(await run(house, await named(house, payer, NAME + "2", body=OTHER_BODY)), Settled)


async def test_while_the_first_runs_the_second_waits(house: House, payer: Payer) -> None:
    first = await named(house, payer)
    grant = granted(await house.rail.authorize(first))
    with pytest.raises(PaymentReused, match="in progress"):
        await house.rail.authorize(await named(house, payer))
    await grant.capture(outcome_of(first))
    assert isinstance(await run(house, await named(house, payer)), Replay)


async def test_named_at_once_it_runs_once(house: House, payer: Payer) -> None:
    orders = [await named(house, payer) for _ in range(24)]
    answers = await asyncio.gather(*(run(house, one) for one in orders), return_exceptions=True)
    assert sum(isinstance(answer, Settled) for answer in answers) == 1
    assert all(isinstance(answer, Settled | Replay | PaymentReused) for answer in answers)
    assert house.chain.received == 28


async def test_what_bought_nothing_leaves_its_name_free(house: House, payer: Payer) -> None:
    await granted(await house.rail.authorize(await named(house, payer))).release()
    house.chain.verdict = "invalid_exact_evm_insufficient_balance"
    with pytest.raises(PaymentInvalid):
        await house.rail.authorize(await named(house, payer))
    house.chain.verdict, house.chain.mood = None, "refuse"
    with pytest.raises(SettlementFailed):
        await run(house, await named(house, payer))
    house.chain.mood = "mine"
    assert isinstance(await run(house, await named(house, payer)), Settled)
    await house.balanced()


async def test_a_name_is_its_payers_own(house: House, payer: Payer) -> None:
    await run(house, await named(house, payer))
    assert isinstance(await run(house, await named(house, Payer())), Settled)
    assert house.chain.received == 56


@pytest.mark.parametrize("name", ["short", "a" * 129, "a space is no sign of it", 7])
async def test_a_name_has_a_form(house: House, payer: Payer, name: Any) -> None:
    paid = await named(house, payer)
    assert paid.payment is not None
    paid.payment["extensions"]["payment-identifier"]["info"]["id"] = name
    with pytest.raises(PaymentMalformed, match="identifier"):
        await house.rail.authorize(paid)
