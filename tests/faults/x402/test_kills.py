"""kill -9 at every moment of a payment: what arrived is what was charged or credited, and once."""

import asyncio
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import BatchinError
from settlement.rail import Delivery, Order, Replay, Settled
from settlement.x402.errors import PaymentReused
from tests.unit.settlement.x402.house import (
    Chain,
    Clock,
    House,
    Killed,
    Payer,
    granted,
    opened,
    order,
    outcome_of,
    paid_order,
    run,
)

FLOWS = [Delivery.WHOLE, Delivery.STREAM]
FINAL = {"settled", "failed", "credited"}


async def _signed(folder: Path, chain: Chain, payer: Payer, delivery: Delivery) -> Order:
    async with opened(folder, chain) as house:
        return await paid_order(house, payer, delivery=delivery)


async def _killed_at(folder: Path, chain: Chain, paid: Order, moment: int) -> bool:
    """Whether the process died before the call ended."""
    async with opened(folder, chain) as house:
        chain.fuse.left = moment
        try:
            await run(house, paid)
        except Killed:
            return True
        finally:
            _revive(chain)
    return False


def _revive(chain: Chain) -> None:
    chain.fuse.left, chain.fuse.dead = None, False


@pytest.mark.parametrize("delivery", FLOWS)
@pytest.mark.parametrize("mood", ["mine", "refuse"])
async def test_a_kill_at_any_moment_loses_and_doubles_nothing(
    tmp_path: Path, delivery: Delivery, mood: str
) -> None:
    for moment in range(100):
        folder = tmp_path / str(moment)
        folder.mkdir()
        chain, payer = Chain(Clock(), mood=mood), Payer()
        paid = await _signed(folder, chain, payer, delivery)
        try:
            died = await _killed_at(folder, chain, paid, moment)
        except BatchinError:
            died = False
        async with opened(folder, chain) as house:
            await house.rail.recovery.reconcile()
            await house.balanced()
            assert await house.state() in FINAL | {"none"}
            await _sent_again(house, paid)
            assert chain.received in ((0,) if mood == "refuse" else (28,))
            await house.balanced()
        if not died:
            assert moment > 8, "the fuse never burnt"
            return
    raise AssertionError("the call never ends")


async def _sent_again(house: House, paid: Order) -> None:
    """The client's retry: the same request with the same payment."""
    answer: object
    try:
        answer = await run(house, order(paid.payment, delivery=paid.delivery))
    except BatchinError as error:
        answer = error
    state = await house.state()
    if state == "settled":
        assert isinstance(answer, Replay | Settled)
    elif state == "credited":
        assert isinstance(answer, PaymentReused)
    else:
        assert isinstance(answer, BatchinError)


@pytest.mark.parametrize("delivery", FLOWS)
async def test_money_that_arrives_while_nobody_looks_is_booked(
    tmp_path: Path, delivery: Delivery
) -> None:
    """The transaction was sent and the process died; the next one finds it on the chain."""
    chain, payer = Chain(Clock(), mood="lose"), Payer()
    paid = await _signed(tmp_path, chain, payer, delivery)
    async with opened(tmp_path, chain) as house:
        call = asyncio.create_task(run(house, paid))
        await chain.until_moved()
        chain.fuse.dead = True
        with pytest.raises(Killed):
            await call
    _revive(chain)
    async with opened(tmp_path, chain) as house:
        await house.rail.recovery.reconcile()
        assert await house.state() == ("settled" if delivery is Delivery.WHOLE else "credited")
        await house.balanced()


async def test_recovery_dies_and_goes_on(tmp_path: Path) -> None:
    chain, payer = Chain(Clock(), mood="drop"), Payer()
    paid = await _signed(tmp_path, chain, payer, Delivery.WHOLE)
    async with opened(tmp_path, chain) as house:
        grant = granted(await house.rail.authorize(paid))
        call = asyncio.create_task(grant.capture(outcome_of(paid)))
        await house.until("pending")
        chain.fuse.dead = True
        with pytest.raises(Killed):
            await call
    chain.clock.advance_s(3600)
    for moment in range(10):
        _revive(chain)
        async with opened(tmp_path, chain) as house:
            chain.fuse.left = moment
            with suppress(Killed):
                await house.rail.recovery.reconcile()
    _revive(chain)
    async with opened(tmp_path, chain) as house:
        await house.rail.recovery.reconcile()
        assert await house.state() == "failed"
        await house.balanced()


CALLS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(FLOWS),
    st.sampled_from(["mine", "mine", "refuse", "lose"]),
    st.none() | st.integers(0, 20),
    st.sampled_from(["capture", "capture", "release"]),
)


@settings(max_examples=15)
@given(st.lists(CALLS, min_size=1, max_size=6))
def test_any_calls_with_any_kills_keep_the_books_true(
    calls: list[tuple[int, Delivery, str, int | None, str]],
) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_calls(Path(folder), calls))


async def _calls(folder: Path, calls: list[tuple[int, Delivery, str, int | None, str]]) -> None:
    chain, payers = Chain(Clock()), [Payer() for _ in range(3)]
    orders: dict[tuple[int, Delivery], Order] = {}
    delivered: set[str] = set()
    for who, delivery, mood, moment, end in calls:
        chain.mood = mood
        async with opened(folder, chain) as house:
            known = orders.get((who, delivery))
            paid = known or await paid_order(house, payers[who], delivery=delivery)
            orders[who, delivery] = paid
            again = order(paid.payment, delivery=delivery)
            chain.fuse.left = moment
            try:
                answer = await house.rail.authorize(again)
                if isinstance(answer, Replay):
                    delivered.add(answer.run_id)
                elif end == "release":
                    await answer.release()
                else:
                    settled = await answer.capture(outcome_of(again))
                    delivered.add(str(settled.evidence["run_id"]))
            except (BatchinError, Killed):
                pass
            finally:
                _revive(chain)
    chain.mood = "mine"
    async with opened(folder, chain) as house:
        chain.clock.advance_s(3600)
        await house.rail.recovery.reconcile()
        await house.balanced()
        rows = await house.payments()
        assert {row["state"] for row in rows} <= FINAL
        assert delivered <= {row["run_id"] for row in rows if row["state"] == "settled"}
        assert chain.received == sum(
            row["amount_atomic"] for row in rows if row["state"] in ("settled", "credited")
        )
