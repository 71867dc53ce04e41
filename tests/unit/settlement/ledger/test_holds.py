"""Holds, captures and voids: what an account may spend, and what a run cost it."""

from settlement.ledger import ops
from storage.op import Op, Refused
from tests.unit.settlement.ledger.conftest import Bank

HOUR_S = 3600


def _code(answer: object) -> str:
    assert isinstance(answer, Refused)
    return answer.code


def _hold(bank: Bank, run_id: str, account_id: str, amount: int, key_id: str | None = None) -> Op:
    return ops.hold(run_id, account_id, key_id, amount, bank.store.lease, bank.clock.now_ms())


async def test_a_hold_reserves_and_a_capture_charges_what_was_used(bank: Bank) -> None:
    account_id = await bank.funded(1000)
    await bank.store.commit(_hold(bank, "run_1", account_id, 600))
    assert await bank.figures(account_id) == (1000, 600)
    assert await bank.accounts.balance(account_id) == 400
    answer = await bank.store.commit(ops.capture("run_1", account_id, None, 250, 1))
    assert answer == (ops.Captured(250, 750, capped=False),)
    assert await bank.figures(account_id) == (750, 0)
    assert (await bank.audited()).balances["revenue"] == 250


async def test_no_more_is_held_than_there_is(bank: Bank) -> None:
    account_id = await bank.funded(1000)
    await bank.store.commit(_hold(bank, "run_1", account_id, 700))
    refused = await bank.store.commit(_hold(bank, "run_2", account_id, 301))
    assert refused == Refused("insufficient", {"available_nano_usd": 300})
    assert await bank.store.commit(_hold(bank, "run_2", account_id, 300)) == (None,)
    await bank.audited()


async def test_a_run_is_held_once(bank: Bank) -> None:
    account_id = await bank.funded(1000)
    await bank.store.commit(_hold(bank, "run_1", account_id, 100))
    assert _code(await bank.store.commit(_hold(bank, "run_1", account_id, 100))) == "duplicate"
    assert await bank.figures(account_id) == (1000, 100)


async def test_an_account_that_does_not_exist_holds_nothing(bank: Bank) -> None:
    assert _code(await bank.store.commit(_hold(bank, "run_1", "nobody", 0))) == "no_account"


async def test_a_capture_never_charges_more_than_the_hold(bank: Bank) -> None:
    account_id = await bank.funded(1000)
    await bank.store.commit(_hold(bank, "run_1", account_id, 100))
    answer = await bank.store.commit(ops.capture("run_1", account_id, None, 900, 1))
    assert answer == (ops.Captured(100, 900, capped=True),)
    await bank.audited()


async def test_a_run_is_charged_once(bank: Bank) -> None:
    account_id = await bank.funded(1000)
    await bank.store.commit(_hold(bank, "run_1", account_id, 100))
    await bank.store.commit(ops.capture("run_1", account_id, None, 40, 1))
    assert _code(await bank.store.commit(ops.capture("run_1", account_id, None, 40, 1))) == "no_hold"
    assert await bank.store.commit(ops.void("run_1", account_id, None)) == (False,)
    assert await bank.figures(account_id) == (960, 0)


async def test_a_void_gives_back_and_a_second_one_is_harmless(bank: Bank) -> None:
    account_id = await bank.funded(1000)
    key_id = await bank.key_of(account_id)
    await bank.store.commit(_hold(bank, "run_1", account_id, 100, key_id))
    assert await bank.store.commit(ops.void("run_1", account_id, key_id)) == (True,)
    assert await bank.store.commit(ops.void("run_1", account_id, key_id)) == (False,)
    assert _code(await bank.store.commit(ops.capture("run_1", account_id, key_id, 40, 1))) == "no_hold"
    assert await bank.figures(account_id) == (1000, 0)
    await bank.audited()


async def test_another_account_cannot_end_a_hold(bank: Bank) -> None:
    account_id, other_id = await bank.funded(1000), await bank.funded(1000)
    await bank.store.commit(_hold(bank, "run_1", account_id, 100))
    assert _code(await bank.store.commit(ops.capture("run_1", other_id, None, 100, 1))) == "no_hold"
    assert await bank.store.commit(ops.void("run_1", other_id, None)) == (False,)
    assert await bank.figures(account_id) == (1000, 100)


async def test_a_hold_and_its_capture_may_be_one_commit(bank: Bank) -> None:
    account_id = await bank.funded(1000)
    hold = _hold(bank, "run_1", account_id, 100)
    answer = await bank.store.commit(hold, ops.capture("run_1", account_id, None, 30, 1))
    assert answer == (None, ops.Captured(30, 970, capped=False))
    await bank.audited()


async def test_a_batch_is_charged_part_by_part_each_once(bank: Bank) -> None:
    account_id = await bank.funded(1000)
    key_id = await bank.key_of(account_id, 600)
    await bank.store.commit(_hold(bank, "run_1", account_id, 500, key_id))
    for part in ("run_a", "run_b", "run_b"):
        await bank.store.commit(ops.capture_part("run_1", account_id, key_id, 200, part, 1))
    assert await bank.figures(account_id) == (600, 100)
    capped = await bank.store.commit(ops.capture_part("run_1", account_id, key_id, 200, "run_c", 1))
    assert capped == (ops.Captured(100, 500, capped=True),)
    await bank.store.commit(ops.capture("run_1", account_id, key_id, 0, 1))
    assert await bank.figures(account_id) == (500, 0)
    await bank.audited()


async def test_a_key_spends_no_more_than_its_budget_counting_what_it_holds(bank: Bank) -> None:
    account_id = await bank.funded(10_000)
    key_id = await bank.key_of(account_id, 1000)
    await bank.store.commit(_hold(bank, "run_1", account_id, 600, key_id))
    assert _code(await bank.store.commit(_hold(bank, "run_2", account_id, 401, key_id))) == "over_budget"
    await bank.store.commit(ops.capture("run_1", account_id, key_id, 100, bank.clock.now_ms()))
    assert await bank.store.commit(_hold(bank, "run_2", account_id, 900, key_id)) == (None,)
    assert _code(await bank.store.commit(_hold(bank, "run_3", account_id, 1, key_id))) == "over_budget"
    assert await bank.store.commit(_hold(bank, "run_3", account_id, 1)) == (None,)
    await bank.audited()


async def test_a_budget_starts_anew_each_month_and_a_hold_counts_where_it_ends(bank: Bank) -> None:
    account_id = await bank.funded(10_000)
    key_id = await bank.key_of(account_id, 1000)
    await bank.store.commit(_hold(bank, "run_1", account_id, 700, key_id))
    await bank.store.commit(ops.capture("run_1", account_id, key_id, 700, bank.clock.now_ms()))
    await bank.store.commit(_hold(bank, "run_2", account_id, 300, key_id))
    bank.clock.advance_s(2 * HOUR_S)
    assert await bank.store.commit(_hold(bank, "run_3", account_id, 700, key_id)) == (None,)
    assert _code(await bank.store.commit(_hold(bank, "run_4", account_id, 1, key_id))) == "over_budget"
    await bank.store.commit(ops.capture("run_2", account_id, key_id, 300, bank.clock.now_ms()))
    (info,) = await bank.keys.list(account_id)
    assert (info.month, info.spent_nano_usd, info.held_nano_usd) == (202602, 300, 700)


async def test_a_clock_that_runs_back_opens_no_new_budget(bank: Bank) -> None:
    account_id = await bank.funded(10_000)
    key_id = await bank.key_of(account_id, 1000)
    bank.clock.advance_s(2 * HOUR_S)
    await bank.store.commit(_hold(bank, "run_1", account_id, 1000, key_id))
    await bank.store.commit(ops.capture("run_1", account_id, key_id, 1000, bank.clock.now_ms()))
    bank.clock.advance_s(-2 * HOUR_S)
    assert _code(await bank.store.commit(_hold(bank, "run_2", account_id, 1, key_id))) == "over_budget"


async def test_a_key_that_ended_holds_nothing_more_but_its_runs_are_charged(
    bank: Bank,
) -> None:
    account_id, other_id = await bank.funded(1000), await bank.funded(1000)
    key_id = await bank.key_of(account_id)
    await bank.store.commit(_hold(bank, "run_1", account_id, 100, key_id))
    assert _code(await bank.store.commit(_hold(bank, "run_2", other_id, 1, key_id))) == "no_key"
    await bank.keys.revoke(key_id)
    assert _code(await bank.store.commit(_hold(bank, "run_2", account_id, 1, key_id))) == "no_key"
    await bank.store.commit(ops.capture("run_1", account_id, key_id, 100, 1))
    assert await bank.figures(account_id) == (900, 0)
    await bank.audited()
