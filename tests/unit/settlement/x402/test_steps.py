"""A step is taken once, from where it starts: who comes late with an old row changes nothing."""

import pytest

from settlement.rail import Delivery
from settlement.x402.after_run import AfterRun
from settlement.x402.before_run import BeforeRun
from settlement.x402.desk import Moved
from settlement.x402.grants import AuthorizedGrant, PaidGrant
from tests.unit.settlement.x402.house import House, Payer, outcome_of, paid_order


async def test_a_settled_payment_can_not_fail_any_more(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    grant = await house.rail.authorize(paid)
    assert isinstance(grant, AuthorizedGrant)
    await grant.capture(outcome_of(paid))
    steps: AfterRun = grant.steps
    with pytest.raises(Moved, match="settled"):
        await steps.failed(grant.payment, "late")
    with pytest.raises(Moved, match="settled"):
        await steps.done(grant.payment, outcome_of(paid))
    with pytest.raises(Moved, match="settled"):
        await steps.settled(grant.payment, "0x00")
    await steps.released(grant.payment)
    assert await house.state() == "settled"
    await house.balanced()


async def test_a_spent_payment_is_no_credit_any_more(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer, delivery=Delivery.STREAM)
    grant = await house.rail.authorize(paid)
    assert isinstance(grant, PaidGrant)
    await grant.capture(outcome_of(paid))
    steps: BeforeRun = grant.steps
    with pytest.raises(Moved, match="settled"):
        await steps.unspent(grant.payment)
    with pytest.raises(Moved, match="settled"):
        await steps.credited(grant.payment, "0x00")
    with pytest.raises(Moved, match="settled"):
        await steps.failed(grant.payment, "late")
    assert await house.state() == "settled"
    await house.balanced()
