"""Money that moves between accounts: once, never more than there is, and the sum stays 0."""

import pytest

from base.money import NANO_MAX
from settlement.ledger import ops
from settlement.ledger.ids import payer_of, wallet_account_id
from storage.op import Refused
from tests.unit.settlement.ledger.conftest import Bank

WALLET = wallet_account_id("eip155:31337", "0xAbCd000000000000000000000000000000000001")


async def test_the_same_credit_of_a_source_counts_once(bank: Bank) -> None:
    account = await bank.accounts.create("someone")
    assert await bank.accounts.credit(account.id, 500, "stripe", "evt_1")
    assert not await bank.accounts.credit(account.id, 500, "stripe", "evt_1")
    assert await bank.accounts.credit(account.id, 500, "alipay", "evt_1")
    assert await bank.accounts.balance(account.id) == 1000
    assert (await bank.audited()).balances["funding"] == -1000


async def test_a_wallet_gets_its_account_with_its_first_amount(bank: Bank) -> None:
    paid = ops.post("x402:run_1", "receivable", WALLET, 1000, "payment", "run_1", 5)
    charged = ops.post("charge:run_1", WALLET, "revenue", 300, "charge", "run_1", 5)
    assert await bank.store.commit(paid, charged) == (None, None)
    account = await bank.accounts.get(WALLET)
    assert account is not None
    assert (account.kind, account.available_nano_usd, account.created_at_ms) == ("wallet", 700, 5)
    balances = (await bank.audited()).balances
    assert balances == {"receivable": -1000, "revenue": 300, WALLET: 700}


async def test_a_transfer_is_made_once(bank: Bank) -> None:
    post = ops.post("x402:run_1", "chain", WALLET, 1000, "payment", "run_1", 5)
    await bank.store.commit(post)
    assert await bank.store.commit(post) == Refused("duplicate")
    assert await bank.accounts.balance(WALLET) == 1000


async def test_a_commit_with_a_refused_transfer_moves_nothing(bank: Bank) -> None:
    paid = ops.post("one", "receivable", WALLET, 100, "payment", "run_1", 5)
    too_much = ops.post("two", WALLET, "revenue", 101, "charge", "run_1", 5)
    assert await bank.store.commit(paid, too_much) == Refused("insufficient")
    assert await bank.accounts.get(WALLET) is None


async def test_what_is_held_is_not_moved(bank: Bank) -> None:
    account_id = await bank.funded(1000)
    hold = ops.hold("run_1", account_id, None, 600, bank.store.lease, 1)
    moved = ops.post("one", account_id, "revenue", 401, "charge", "", 1)
    assert await bank.store.commit(hold, moved) == Refused("insufficient")


@pytest.mark.parametrize(
    ("debit", "credit"), [("nobody", "revenue"), ("revenue", "nobody"), (WALLET, "revenue")]
)
async def test_money_goes_to_no_account_that_does_not_exist(bank: Bank, debit: str, credit: str) -> None:
    assert await bank.store.commit(ops.post("one", debit, credit, 1, "x", "", 1)) == Refused(
        "no_account"
    )


async def test_a_balance_stays_within_64_bits(bank: Bank) -> None:
    account_id = await bank.funded(NANO_MAX)
    credited = await bank.store.commit(ops.credit(account_id, 1, "test", "more", 1))
    assert credited == Refused("too_large")
    assert await bank.accounts.balance(account_id) == NANO_MAX


@pytest.mark.parametrize("amount", [-1, NANO_MAX + 1])
def test_an_amount_is_never_negative_nor_beyond_64_bits(amount: int) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        ops.post("one", "funding", "revenue", amount, "x", "", 1)
    with pytest.raises(ValueError, match="not an amount"):
        ops.hold("run_1", "account", None, amount, "lease", 1)


def test_others_see_the_address_of_a_wallet_and_a_hash_of_an_account() -> None:
    assert payer_of(WALLET) == "0xabcd000000000000000000000000000000000001"
    told = payer_of("0192f0c1-0000-7000-8000-000000000000")
    assert told == "acct_12e5a4546c04bacd20c3ad5c4c39c811"
