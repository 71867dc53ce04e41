"""Balances bought on a real chain by processes that are killed, for the test beside this file:
``-m tests.faults.x402.credits FOLDER RPC_URL GENESIS PAY_TO KILLS``.

As in tests.faults.x402.payments, each process ends what the one before it left and proves the books.
Then it sends that one's payment again, as its client would, and looks at what it bought: the wallet has
just what it paid, once, and the keys that were made for it are those that a client was told.
"""

import json
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
import uvloop  # noqa: F401 - loaded before the forks
from sqlalchemy import func, select

from base.caller import ANONYMOUS
from base.clock import SystemClock
from base.money import NANO_PER_CENT
from base.pricing import Quote
from base.trace import trace_from
from base.usage import Usage
from settlement.chain.funding import fund
from settlement.chain.tables import TABLES as CHAIN_TABLES
from settlement.ledger.accounts import Accounts
from settlement.ledger.keys import Keys
from settlement.ledger.ledger import Ledger
from settlement.ledger.tables import ACCOUNT, API_KEY, HOLD
from settlement.rail import Delivery, Order, Replay
from settlement.topups.tables import TABLES as TOPUP_TABLES
from settlement.topups.tables import TOPUP
from settlement.x402.errors import PaymentReused
from settlement.x402.facilitators.dev import DevFacilitator
from settlement.x402.payment import State
from settlement.x402.sale import Asset, Sale
from tests.faults.x402.payments import (
    Chain,
    Death,
    MortalFacilitator,
    MortalStore,
    Shop,
    die_when_sent,
    forked,
)
from tests.stores import fresh_store
from tests.unit.settlement.x402.house import (
    ALL_TABLES,
    CARD,
    HTTP,
    Payer,
    challenged,
    granted,
    order,
    outcome_of,
    rail_over,
)
from tools.core import Call
from tools.credits import Credits, CreditsInput

POINTS: Final = (
    "reserved", "verified", "settling", "journaled", "broadcast", "mined", "paid", "running", "settled",
)  # fmt: skip
CENTS: Final = 10
ATOMIC: Final = CENTS * 10_000
_ASKED: Final = CreditsInput(amount_cents=CENTS)
QUOTE: Final = Quote("credits", CARD, Usage(), bought_nano_usd=CENTS * NANO_PER_CENT)


async def _bought(shop: Shop, seller: Credits, paid: Order) -> dict[str, Any]:
    """What the buyer is answered: the real tool, paid by the real rail."""
    answer = await shop.rail.authorize(paid)
    if isinstance(answer, Replay):
        told: dict[str, Any] = orjson.loads(answer.result)
        return told
    call = Call(paid.run_id, "req_1", ANONYMOUS, trace_from(None, None), HTTP, Delivery.WHOLE, 0.0)
    purchase = seller.tool().run(_ASKED, call)
    await purchase.start()
    result = purchase.result()
    outcome = outcome_of(paid, result.usage)
    output = orjson.dumps(result.output)
    await granted(answer).capture(replace(outcome, tool="credits", result=output, also=result.also))
    return dict(result.output)


async def _process(folder: Path, chain: Chain, pay_to: str, point: str) -> None:
    """End and check what was left, then buy and die at the point; without one, live."""
    death = Death()
    sale = Sale(Asset(chain.network, chain.usdc, "USDC", "2"), pay_to, 1, run_s=60)
    async with AsyncExitStack() as stack:
        real = await stack.enter_async_context(
            fresh_store(folder, *ALL_TABLES, CHAIN_TABLES, TOPUP_TABLES)
        )
        store: Any = MortalStore(real, death)
        facilitator = await stack.enter_async_context(
            DevFacilitator(chain, store, SystemClock(), folder / "keys" / "gas.key")
        )
        die_when_sent(facilitator, death)
        mortal = MortalFacilitator(facilitator, death)
        rail, keys = await rail_over(folder, store, mortal, SystemClock(), sale)
        shop = Shop(rail, store, chain, pay_to)
        no_reports: Any = None
        seller = Credits(Ledger(Accounts(store, SystemClock()), keys, no_reports), SystemClock())
        await shop.heal()
        await shop.prove()
        await _sent_again(shop, seller, keys, folder)
        await _exactly_once(shop)
        await shop.prove()
        if not point:
            return
        payer = Payer()
        await fund(chain.rpc_url, payer.address, 2 * ATOMIC)
        asked = replace(order(quote=QUOTE), tool="credits")
        payment = await payer.sign(await challenged(shop, asked))
        left = {"payment": payment, "account": payer.credit_account}
        (folder / "left.json").write_text(json.dumps(left))
        death.point = point
        await _bought(shop, seller, replace(asked, payment=payment))
    raise AssertionError(f"nobody died at {point}")


async def _sent_again(shop: Shop, seller: Credits, keys: Keys, folder: Path) -> None:
    """The buyer whose answer did not come sends the same payment: a key that spends what it paid, or the
    word that what it paid is its wallet's credit."""
    file = folder / "left.json"
    if not file.exists():
        return
    left = json.loads(file.read_text())
    paid = replace(order(left["payment"], quote=QUOTE), tool="credits")
    try:
        told = await _bought(shop, seller, paid)
    except PaymentReused:  # what it paid is credit
        state, made = State.CREDITED, 0
    else:
        assert keys.authenticate(told["api_key"]).account_id == left["account"]
        state, made = State.SETTLED, 1
    file.unlink()
    (row,) = await shop.store.read(select(ACCOUNT).where(ACCOUNT.c.id == left["account"]))
    assert (row["posted"], row["held"]) == (CENTS * NANO_PER_CENT, 0), (state, row)
    for table in (TOPUP, API_KEY):
        query = select(func.count().label("n")).where(table.c.account_id == left["account"])
        if table is API_KEY:
            query = query.where(API_KEY.c.kind == "key")
        (found,) = await shop.store.read(query)
        assert found["n"] == made, (state, table.name, found["n"])
    assert (await shop.states())[-1] == state.value


async def _exactly_once(shop: Shop) -> None:
    """Of all purchases so far: each that ended has one order and one key, the others neither."""
    states = Counter(await shop.states())
    assert set(states) <= {State.SETTLED.value, State.CREDITED.value}, states
    keys = select(func.count().label("n")).where(API_KEY.c.kind == "key")
    for query in (keys, select(func.count().label("n")).select_from(TOPUP)):
        (found,) = await shop.store.read(query)
        assert found["n"] == states[State.SETTLED.value]
    assert not await shop.store.read(select(HOLD))


def main(arguments: Sequence[str]) -> int:
    folder, rpc_url, genesis, pay_to, kills = arguments
    chain, killed = Chain(rpc_url, genesis), Counter[str]()
    for _ in range(int(kills)):
        for point in POINTS:
            status = forked(partial(_process, Path(folder), chain, pay_to, point))
            if status != -signal.SIGKILL:
                print(f"the process that should die at {point} ended with {status}", file=sys.stderr)
                return 1
            killed[point] += 1
    if forked(partial(_process, Path(folder), chain, pay_to, "")) != 0:
        return 1
    print(json.dumps(killed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
