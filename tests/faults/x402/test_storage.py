"""The store fails at any moment of a payment, before or after it wrote; the process lives on, mends."""

from pathlib import Path

import pytest

from base.errors import BatchinError, ServiceUnavailable
from settlement.rail import Delivery, Order, Replay, Settled
from storage.errors import StorageUnavailable
from tests.unit.settlement.x402.house import Chain, Clock, House, Payer, opened, order, paid_order, run


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("delivery", [Delivery.WHOLE, Delivery.STREAM])
async def test_a_failing_store_is_survived_at_any_moment(
    tmp_path: Path, delivery: Delivery, lasting: bool
) -> None:
    for moment in range(100):
        folder = tmp_path / str(moment)
        folder.mkdir()
        chain, payer = Chain(Clock()), Payer()
        async with opened(folder, chain) as house:
            paid = await paid_order(house, payer, delivery=delivery)
            chain.fuse.left, chain.fuse.lasting = moment, lasting
            chain.fuse.error = StorageUnavailable("The disk is full.")
            answer = await _answer(house, paid)
            chain.fuse.left = None
            failed = isinstance(answer, ServiceUnavailable)
            if isinstance(answer, ServiceUnavailable):
                assert answer.retryable is False  # an SDK would pay twice
                assert chain.received == 0 or "Nothing was charged" not in answer.resolution
            await house.rail.recovery.reconcile()
            await house.balanced()
            answer = await _answer(house, order(paid.payment, delivery=delivery))
            assert isinstance(answer, Settled | Replay) or await house.state() == "credited"
            await house.balanced()
            assert chain.received == 28
        if not failed:
            assert moment > 8
            return
    raise AssertionError("the call never ends")


async def _answer(house: House, paid: Order) -> Settled | Replay | BatchinError:
    try:
        return await run(house, paid)
    except BatchinError as error:
        return error
