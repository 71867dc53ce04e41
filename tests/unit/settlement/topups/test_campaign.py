"""A thousand orders at each provider, told by signed messages one to five times in any order, with eight
kinds of forgery among them: what is credited is what was paid."""

import asyncio
import base64
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson
import pytest
import stripe
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from base.errors import InvalidRequest, NotFound
from base.money import NANO_PER_CENT
from settlement.topups import alipay, stripe_checkout
from settlement.topups.order import Event, Order
from tests.unit.settlement.topups.conftest import Till, key_pair
from tests.unit.settlement.topups.test_alipay import ALIPAY, APP, NOTICE, THEIRS
from tests.unit.settlement.topups.test_stripe import CHECKOUT, COMPLETED, SECRET

ORDERS: Final = 1_000
ACCOUNTS: Final = 20
FORGERIES: Final = 8
NANO_PER_FEN: Final = 1_400_000
OURS: Final[Any] = load_pem_private_key(APP.private.encode(), None)
ALIPAYS: Final[Any] = load_pem_private_key(THEIRS.private.encode(), None)
NOBODYS: Final[Any] = load_pem_private_key(key_pair().private.encode(), None)
Told = Callable[[], Awaitable[Event | None]]


@dataclass(frozen=True, slots=True)
class Provider:
    """``tells`` is its own message that an order was paid, ``forges`` what it never sent about it."""

    source: str
    currency: str
    nano_per_minor: int
    session: Callable[[Order], str]
    tells: Callable[[Order], Told]
    forges: Callable[[Order], tuple[Told, ...]]


def card(order: Order, secret: str = SECRET, at: int | None = None, **changed: Any) -> tuple[bytes, str]:
    told = {
        **COMPLETED,
        "id": order.session_id,
        "client_reference_id": order.id,
        "payment_intent": f"pi_{order.id}",
        "amount_total": order.amount_minor,
        **changed,
    }
    kind = "checkout.session.completed"
    body = orjson.dumps({"id": "evt", "object": "event", "type": kind, "data": {"object": told}})
    return body, str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at))


def card_told(order: Order) -> Told:
    return partial(CHECKOUT.event, *card(order))


def card_forged(order: Order) -> tuple[Told, ...]:
    body, signature = card(order)
    dearer = body.replace(str(order.amount_minor).encode(), str(order.amount_minor + 1).encode())
    now_s = int(time.time())
    forged = (
        (dearer, signature),
        (body, None),
        card(order, "whsec_guess"),
        card(order, at=now_s - 3_600),
        card(order, at=now_s + 3_600),
        card(order, amount_total=order.amount_minor + 1),
        card(order, currency="jpy"),
        card(order, payment_status="unpaid"),
    )
    return tuple(partial(CHECKOUT.event, *one) for one in forged)


def notice(order: Order, key: Any = ALIPAYS, **changed: str) -> dict[str, str]:
    fen = order.amount_minor
    form = {
        **NOTICE,
        "out_trade_no": order.id,
        "trade_no": f"trade-{order.id}",
        "total_amount": f"{fen // 100}.{fen % 100:02d}",
        **changed,
    }
    kept = sorted((k, v) for k, v in form.items() if v and k not in ("sign", "sign_type"))
    text = "&".join(f"{name}={value}" for name, value in kept).encode()
    return {**form, "sign": base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()}


def heard(form: Mapping[str, str]) -> Told:
    async def event() -> Event | None:
        return ALIPAY.event(form)

    return event


def page_told(order: Order) -> Told:
    return heard(notice(order))


def page_forged(order: Order) -> tuple[Told, ...]:
    true = notice(order)
    forged = (
        {**true, "total_amount": "999999.00"},
        {**true, "sign": ""},
        notice(order, NOBODYS),
        notice(order, OURS),
        notice(order, app_id="2021000000000002"),
        notice(order, seller_id="2088000000000002"),
        notice(order, total_amount="0.01"),
        notice(order, trade_status="WAIT_BUYER_PAY"),
    )
    return tuple(map(heard, forged))


STRIPE: Final = Provider(
    stripe_checkout.SOURCE,
    stripe_checkout.CURRENCY,
    NANO_PER_CENT,
    lambda order: f"cs_{order.id}",
    card_told,
    card_forged,
)
BY_ALIPAY: Final = Provider(
    alipay.SOURCE,
    alipay.CURRENCY,
    NANO_PER_FEN,
    lambda order: alipay.session_id_of(order.id),
    page_told,
    page_forged,
)


@pytest.mark.parametrize("provider", [STRIPE, BY_ALIPAY], ids=lambda one: one.source)
async def test_what_a_thousand_orders_credit_is_what_was_paid(till: Till, provider: Provider) -> None:
    chance = random.Random(11)
    accounts = [await till.account() for _ in range(ACCOUNTS)]
    opening = (_opened(till, provider, chance, chance.choice(accounts)) for _ in range(ORDERS))
    orders = await asyncio.gather(*opening)
    bought = {order.id for order in orders if chance.random() < 0.8}
    true = [provider.tells(order) for order in orders if order.id in bought]
    told = [(event, True) for event in true for _ in range(chance.randint(1, 5))]
    for order in orders[::20]:  # paid ones and others
        forged = provider.forges(order)
        assert len(forged) == FORGERIES
        told += [(event, False) for event in forged for _ in range(chance.randint(1, 5))]
    chance.shuffle(told)
    changed = await asyncio.gather(*(_take(till, provider, event, is_true) for event, is_true in told))
    assert sum(changed) == len(bought)
    for account_id in accounts:
        due = sum(o.amount_nano_usd for o in orders if o.account_id == account_id and o.id in bought)
        assert await till.accounts.balance(account_id) == due
    books = await till.audited()
    paid = sum(order.amount_nano_usd for order in orders if order.id in bought)
    assert books.balances["funding"] == -paid
    print(f"{provider.source}: {len(told)} messages, {len(bought)} of {ORDERS} orders paid: {paid} nano")


async def _opened(till: Till, provider: Provider, chance: random.Random, account_id: str) -> Order:
    minor = chance.randrange(100, 99_999)
    order = await till.orders.open(
        account_id, provider.source, provider.currency, minor, minor * provider.nano_per_minor
    )
    return await till.orders.attach(order, provider.session(order))


async def _take(till: Till, provider: Provider, told: Told, is_true: bool) -> bool:
    """Whether a message changed the books, as the door takes it; a forged one never does."""
    try:
        event = await told()
        changed = event is not None and await till.orders.take(provider.source, event)
    except (InvalidRequest, NotFound):
        assert not is_true
        return False
    assert is_true or not changed
    return changed
