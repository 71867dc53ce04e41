"""What the rails really record verifies: figures, linkage and times, however the call was paid."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from base.usage import Usage
from settlement.evidence.trust import Trust, TrustedKey
from settlement.evidence.verify import verify_bundle
from settlement.rail import Delivery, Settled
from tests.unit.settlement.evidence.case import failed
from tests.unit.settlement.x402.house import (
    QUOTE,
    SALE,
    Chain,
    Clock,
    House,
    Payer,
    granted,
    opened,
    outcome_of,
    paid_order,
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, Chain(Clock()), replace(SALE, min_charge_atomic=40)) as house:
        yield house


@pytest.mark.parametrize("delivery", list(Delivery))
@pytest.mark.parametrize("usage", [Usage(1, 0), Usage(20, 7, 5), QUOTE.bound, Usage(10**9, 10**9)])
async def test_a_call_paid_by_x402(house: House, delivery: Delivery, usage: Usage) -> None:
    paid = await paid_order(house, Payer(), delivery=delivery)
    settled = await granted(await house.rail.authorize(paid)).capture(outcome_of(paid, usage))
    assert isinstance(settled, Settled)
    bundle = {"evidence": settled.evidence, "receipt": settled.receipt}
    key = bytes.fromhex(settled.evidence["public_key"].removeprefix("ed25519:pk_"))
    verdict = verify_bundle(bundle, Trust((TrustedKey(key),)))
    assert failed(verdict.checks) == []
    assert verdict.valid
