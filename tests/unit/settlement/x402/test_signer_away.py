"""The service that signs records is away, or lies: nobody pays for what is not recorded."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from base.signers import OutsideKeys, SignerUnavailable
from base.signing import SeedSigner
from settlement.rail import Delivery, Replay, Settled
from settlement.x402.errors import PaymentRequired, SettlementPending
from settlement.x402.statements import OFFER_RECEIPT
from tests.unit.settlement.x402.house import (
    RESULT,
    Chain,
    Clock,
    House,
    Payer,
    opened,
    order,
    outcome_of,
    paid_order,
)


class Moody:
    """A service whose mood changes: after ``left`` signatures it is away until it is back."""

    def __init__(self) -> None:
        self._own = SeedSigner(b"m" * 32)
        self.key_id, self.public_key = self._own.key_id, self._own.public_key
        self.left = 1_000

    def sign(self, message: bytes) -> bytes:
        if self.left <= 0:
            raise SignerUnavailable("The signer does not sign.")
        self.left -= 1
        return self._own.sign(message)

    async def signed(self, message: bytes) -> bytes:
        return self.sign(message)


@pytest.fixture
def moody() -> Moody:
    return Moody()


@pytest.fixture
async def house(tmp_path: Path, moody: Moody) -> AsyncIterator[House]:
    async with opened(tmp_path, Chain(Clock()), outside=OutsideKeys(moody, lambda _: moody)) as house:
        yield house


async def test_an_offer_without_its_signature_can_be_taken(house: House, moody: Moody) -> None:
    moody.left = 0
    with pytest.raises(PaymentRequired) as asked:
        await house.rail.authorize(order())
    assert OFFER_RECEIPT not in asked.value.challenge["extensions"]
    assert asked.value.challenge["accepts"]


async def test_a_run_that_can_not_be_recorded_takes_nothing(
    house: House, payer: Payer, moody: Moody
) -> None:
    paid = await paid_order(house, payer)
    grant = await house.rail.authorize(paid)
    assert not isinstance(grant, Replay)
    moody.left = 0
    with pytest.raises(SignerUnavailable):
        await grant.capture(outcome_of(paid))
    assert (await house.state(), house.chain.asked, await house.charged()) == ("none", 0, 0)
    moody.left = 1_000
    again = await house.rail.authorize(paid)  # the authorization was not used
    assert not isinstance(again, Replay)
    assert isinstance(await again.capture(outcome_of(paid)), Settled)
    await house.balanced()


async def test_what_was_paid_upfront_is_credit_when_the_run_can_not_be_recorded(
    house: House, payer: Payer, moody: Moody
) -> None:
    paid = await paid_order(house, payer, delivery=Delivery.STREAM)
    grant = await house.rail.authorize(paid)
    assert not isinstance(grant, Replay)
    moody.left = 0
    with pytest.raises(SignerUnavailable):
        await grant.capture(outcome_of(paid))
    assert (await house.state(), await house.charged()) == ("credited", 0)
    await house.balanced()


async def test_money_that_moved_is_followed_until_its_receipt_is_signed(
    house: House, payer: Payer, moody: Moody
) -> None:
    paid = await paid_order(house, payer)
    grant = await house.rail.authorize(paid)
    assert not isinstance(grant, Replay)
    moody.left = 1  # the record, and no receipt
    with pytest.raises(SettlementPending):
        await grant.capture(outcome_of(paid))
    assert house.chain.asked == 1
    moody.left = 1_000
    await house.rail.recovery.reconcile()
    assert await house.state() == "settled"
    stored = await house.rail.authorize(order(paid.payment))
    assert isinstance(stored, Replay)
    assert stored.result == RESULT
    await house.balanced()


async def test_a_paid_answer_does_not_wait_for_the_x402_receipt(
    house: House, payer: Payer, moody: Moody
) -> None:
    paid = await paid_order(house, payer)
    grant = await house.rail.authorize(paid)
    assert not isinstance(grant, Replay)
    moody.left = 2  # the record and its receipt
    settled = await grant.capture(outcome_of(paid))
    assert settled.settlement is not None
    assert OFFER_RECEIPT not in settled.settlement.get("extensions", {})
    moody.left = 1_000
    stored = await house.rail.authorize(order(paid.payment))
    assert isinstance(stored, Replay)
    assert stored.settled.settlement is not None
    assert OFFER_RECEIPT in stored.settled.settlement["extensions"]
