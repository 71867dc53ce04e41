"""Which rail a call is paid by."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from base.caller import ANONYMOUS, Caller, CallerKind
from base.errors import BatchinError, InsufficientFunds, RailNotConfigured, Unauthorized
from base.pricing import PriceCard, Quote
from base.resource import Resource
from base.usage import Usage
from settlement.rail import Delivery, Order, Replay, Settled
from settlement.rails import Rails
from storage.errors import StorageUnavailable

ACCOUNT = Caller(CallerKind.ACCOUNT, "account", "key")
PAYMENT = {"x402Version": 2}


@dataclass(slots=True)
class Recording:
    """A rail that tells it was asked, and refuses where it is to."""

    name: str
    refusal: BatchinError | None = None
    asked: list[str] = field(default_factory=list)

    async def authorize(self, order: Order) -> Replay:
        self.asked.append(order.run_id)
        if self.refusal is not None:
            raise self.refusal
        return Replay(self.name, b"{}", Settled(0, {}, {}))


def _order(caller: Caller, payment: dict[str, Any] | None) -> Order:
    quote = Quote("smollm2", PriceCard("card", 1, 1), Usage(1, 1))
    resource = Resource("https://api.example/v1/embeddings", "Embeddings")
    return Order("run_1", "embed", caller, payment, resource, "sha256:", quote, Delivery.WHOLE)


async def _paid_by(rails: Rails, caller: Caller, payment: dict[str, Any] | None = None) -> str:
    answer = await rails.authorize(_order(caller, payment))
    assert isinstance(answer, Replay)
    return answer.run_id


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def test_nobody_is_charged_and_nothing_runs_while_the_store_cannot_write() -> None:
    balance, x402 = Recording("balance"), Recording("x402")
    for caller, payment in ((ACCOUNT, None), (ANONYMOUS, PAYMENT)):
        with pytest.raises(StorageUnavailable):
            await _paid_by(Rails(balance, x402, no), caller, payment)
    assert balance.asked == x402.asked == []


async def test_an_account_pays_with_its_balance() -> None:
    rails = Rails(Recording("balance"), Recording("x402"), yes)
    assert await _paid_by(rails, ACCOUNT) == "balance"


@pytest.mark.parametrize("caller", [ACCOUNT, ANONYMOUS])
async def test_a_payment_that_was_brought_pays_and_the_balance_is_not_touched(caller: Caller) -> None:
    balance = Recording("balance")
    assert await _paid_by(Rails(balance, Recording("x402"), yes), caller, PAYMENT) == "x402"
    assert balance.asked == []


async def test_who_is_short_or_unknown_is_shown_the_challenge() -> None:
    rails = Rails(Recording("balance", InsufficientFunds("short")), Recording("x402"), yes)
    assert await _paid_by(rails, ACCOUNT) == "x402"
    assert await _paid_by(rails, ANONYMOUS) == "x402"


async def test_a_revoked_key_is_not_asked_to_pay() -> None:
    x402 = Recording("x402")
    with pytest.raises(Unauthorized):
        await _paid_by(Rails(Recording("balance", Unauthorized()), x402, yes), ACCOUNT)
    assert x402.asked == []


async def test_without_x402_each_refusal_says_what_is_missing() -> None:
    rails = Rails(Recording("balance", InsufficientFunds("short")), None, yes)
    with pytest.raises(InsufficientFunds):
        await _paid_by(rails, ACCOUNT)
    with pytest.raises(Unauthorized):
        await _paid_by(rails, ANONYMOUS)
    with pytest.raises(RailNotConfigured):
        await _paid_by(rails, ANONYMOUS, PAYMENT)
    assert await _paid_by(Rails(Recording("balance"), None, yes), ACCOUNT, PAYMENT) == "balance"
