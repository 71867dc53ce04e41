"""Many at once: neither a balance nor a budget is outrun."""

import asyncio
from collections import Counter
from typing import Any

from settlement.ledger import ops
from storage.op import Refused
from tests.unit.settlement.ledger.conftest import Bank


def _word(answer: Any) -> str:
    return answer.code if isinstance(answer, Refused) else "held"


async def test_of_20_000_holds_on_a_balance_for_a_hundred_exactly_a_hundred_stand(
    bank: Bank,
) -> None:
    account_id = await bank.funded(100 * 7 + 6)
    key_id = await bank.key_of(account_id)
    tickets = [
        bank.store.submit(ops.hold(f"run_{n}", account_id, key_id, 7, bank.store.lease, 1))
        for n in range(20_000)
    ]
    answers = await asyncio.gather(*(ticket.durable for ticket in tickets))
    assert Counter(map(_word, answers)) == {"held": 100, "insufficient": 19_900}
    assert await bank.figures(account_id) == (706, 700)
    assert (await bank.audited()).held_nano_usd == 700


async def test_a_budget_holds_at_a_concurrency_of_sixty_four(bank: Bank) -> None:
    """Callers that each hold 10, are charged 4 and go on until they are refused."""
    account_id = await bank.funded(1_000_000)
    key_id = await bank.key_of(account_id, 4000)
    most = 0

    async def caller(name: int) -> int:
        nonlocal most
        charged = 0
        while True:
            run_id = f"run_{name}_{charged}"
            hold = ops.hold(run_id, account_id, key_id, 10, bank.store.lease, 1)
            if isinstance(await bank.store.submit(hold).visible, Refused):
                return charged
            answer = await bank.store.commit(ops.capture(run_id, account_id, key_id, 4, 1))
            charged += answer[0].charged_nano_usd
            most = max(most, 1_000_000 - answer[0].available_nano_usd)

    charged = sum(await asyncio.gather(*(caller(name) for name in range(64))))
    (info,) = await bank.keys.list(account_id)
    assert charged == info.spent_nano_usd == (await bank.audited()).balances["revenue"]
    assert 4000 - 64 * 10 < charged <= 4000
    assert most <= 4000
    assert info.held_nano_usd == 0


async def test_a_capture_races_a_void_and_one_of_them_finds_the_hold(bank: Bank) -> None:
    account_id = await bank.funded(200 * 10)
    for n in range(200):
        await bank.store.submit(ops.hold(f"run_{n}", account_id, None, 10, bank.store.lease, 1)).visible
    ends = []
    for n in range(200):
        both = [ops.capture(f"run_{n}", account_id, None, 10, 1), ops.void(f"run_{n}", account_id, None)]
        ends += [bank.store.submit(op).durable for op in (both if n % 2 else both[::-1])]
    await asyncio.gather(*ends)
    assert await bank.figures(account_id) == (1000, 0)
    assert (await bank.audited()).balances["revenue"] == 1000
