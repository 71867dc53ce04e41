"""Whatever providers tell, however often and in any order: credits equal payments."""

import asyncio
import random

import pytest

from base.errors import NotFound
from base.money import NANO_PER_CENT
from settlement.ledger import ops
from settlement.ledger.ids import REVENUE
from settlement.topups.order import Disputed, Event, Order, Paid, Refunded
from storage.op import Op
from tests.unit.settlement.topups.conftest import Till

SOURCE = "stripe"


def paid(order: Order, **changed: str | int) -> Paid:
    told = {
        "order_id": order.id,
        "session_id": f"cs_{order.id}",
        "payment_id": f"pi_{order.id}",
        "currency": order.currency,
        "amount_minor": order.amount_minor,
    }
    return Paid(**{**told, **changed})  # type: ignore[arg-type] # the same names


async def opened(till: Till, account_id: str, cents: int) -> Order:
    order = await till.orders.open(account_id, SOURCE, "usd", cents, cents * NANO_PER_CENT)
    return await till.orders.attach(order, f"cs_{order.id}")


async def test_a_thousand_orders_told_up_to_five_times_in_any_order(till: Till) -> None:
    chance = random.Random(7)
    accounts = [await till.account() for _ in range(20)]
    orders = [
        await opened(till, chance.choice(accounts), chance.randrange(100, 99_999)) for _ in range(1_000)
    ]
    bought = [order for order in orders if chance.random() < 0.9]
    told = [paid(order) for order in bought for _ in range(chance.randint(1, 5))]
    chance.shuffle(told)
    changed = await asyncio.gather(*(till.orders.take(SOURCE, event) for event in told))
    assert sum(changed) == len(bought)
    for account_id in accounts:
        due = sum(order.amount_nano_usd for order in bought if order.account_id == account_id)
        assert await till.accounts.balance(account_id) == due
        assert {order.id for order in await till.orders.history(account_id)} == {
            order.id for order in bought if order.account_id == account_id
        }
    await till.audited()


@pytest.mark.parametrize(
    "changed",
    [
        {"amount_minor": 1},
        {"amount_minor": 999_999},
        {"currency": "jpy"},
        {"session_id": "cs_other"},
        {"order_id": "none"},
    ],
)
async def test_a_payment_that_fits_no_order_credits_nothing(
    till: Till, changed: dict[str, str | int]
) -> None:
    account_id = await till.account()
    order = await opened(till, account_id, 5_000)
    with pytest.raises(NotFound):
        await till.orders.take(SOURCE, paid(order, **changed))
    with pytest.raises(NotFound):
        await till.orders.take("alipay", paid(order))
    assert await till.accounts.balance(account_id) == 0
    assert await till.orders.history(account_id) == []


async def test_refunds_follow_what_was_refunded_in_all(till: Till) -> None:
    account_id = await till.account()
    order = await opened(till, account_id, 5_000)
    await till.orders.take(SOURCE, paid(order))
    events = [Refunded(f"pi_{order.id}", total) for total in (1_000, 3_000, 3_000, 1_000, 2_000)]
    changed = [await till.orders.take(SOURCE, event) for event in events]
    assert changed == [True, True, False, False, False]
    assert await till.accounts.balance(account_id) == 2_000 * NANO_PER_CENT
    assert await till.orders.take(SOURCE, Refunded(f"pi_{order.id}", 9_999))
    assert await till.accounts.balance(account_id) == 0
    (shown,) = await till.orders.history(account_id)
    assert (shown.refunded_minor, shown.state.value) == (5_000, "refunded")
    await till.audited()


async def test_refunds_told_at_once_end_at_the_most(till: Till) -> None:
    account_id = await till.account()
    order = await opened(till, account_id, 5_000)
    await till.orders.take(SOURCE, paid(order))
    totals = [Refunded(f"pi_{order.id}", total) for total in (500, 4_000, 1_500, 4_000, 2_500)]
    await asyncio.gather(*(till.orders.take(SOURCE, event) for event in totals))
    assert await till.accounts.balance(account_id) == 1_000 * NANO_PER_CENT
    await till.audited()


async def test_what_was_spent_before_its_refund_is_a_claim_of_ours(till: Till) -> None:
    account_id = await till.account()
    order = await opened(till, account_id, 5_000)
    await till.orders.take(SOURCE, paid(order))
    await till.store.commit(_spend(account_id, 4_000 * NANO_PER_CENT))
    assert await till.orders.take(SOURCE, Refunded(f"pi_{order.id}", 5_000))
    assert await till.accounts.balance(account_id) == 0
    await till.audited()


async def test_a_dispute_takes_the_money_and_a_won_one_returns_it(till: Till) -> None:
    account_id = await till.account()
    order = await opened(till, account_id, 5_000)
    await till.orders.take(SOURCE, paid(order))
    lost, won = (Disputed(f"pi_{order.id}", "dp_1", 5_000, returned) for returned in (False, True))
    assert [await till.orders.take(SOURCE, event) for event in (lost, lost)] == [True, False]
    assert await till.accounts.balance(account_id) == 0
    assert [await till.orders.take(SOURCE, event) for event in (won, won)] == [True, False]
    assert await till.accounts.balance(account_id) == 5_000 * NANO_PER_CENT
    await till.audited()


@pytest.mark.parametrize("won_first", [False, True])
async def test_a_won_dispute_returns_no_more_than_was_taken(till: Till, won_first: bool) -> None:
    account_id = await till.account()
    order = await opened(till, account_id, 5_000)
    await till.orders.take(SOURCE, paid(order))
    await till.store.commit(_spend(account_id, 4_000 * NANO_PER_CENT))
    events = [
        Disputed(f"pi_{order.id}", "dp_1", 5_000, returned) for returned in (won_first, not won_first)
    ]
    for event in (*events, *events):
        await till.orders.take(SOURCE, event)
    assert await till.accounts.balance(account_id) == 1_000 * NANO_PER_CENT
    books = await till.audited()
    assert books.balances.get("receivable", 0) == 0


@pytest.mark.parametrize("event", [Refunded("pi_none", 5), Disputed("", "dp", 5, returned=False)])
async def test_an_event_before_its_payment_is_told_again_later(till: Till, event: Event) -> None:
    await opened(till, await till.account(), 5_000)
    with pytest.raises(NotFound):
        await till.orders.take(SOURCE, event)


def _spend(account_id: str, amount_nano_usd: int) -> Op:
    return ops.post("spent", account_id, REVENUE, amount_nano_usd, "capture", "spent", 0)
