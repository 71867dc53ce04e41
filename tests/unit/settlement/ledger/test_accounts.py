"""Accounts as the operator sees them, and the audit of the books."""

import sqlite3
from pathlib import Path

import pytest

from base.errors import InvalidRequest, NotFound
from base.money import NANO_MAX
from settlement.ledger import ops
from settlement.ledger.books import audit
from tests.unit.settlement.ledger.conftest import Bank, opened


async def test_accounts_are_listed_with_what_they_have_and_hold(bank: Bank) -> None:
    first = await bank.accounts.create("first", "first@example.com")
    bank.clock.advance_s(1)
    second = await bank.accounts.create("second")
    await bank.accounts.credit(second.id, 900, "test", "1")
    await bank.store.commit(ops.hold("run_1", second.id, None, 200, bank.store.lease, 1))
    listed = await bank.accounts.list()
    assert listed[0] == first
    assert (listed[1].name, listed[1].posted_nano_usd, listed[1].held_nano_usd) == ("second", 900, 200)
    assert await bank.accounts.get("nobody") is None
    assert await bank.accounts.balance("nobody") == 0


async def test_a_credit_needs_an_account_and_room(bank: Bank) -> None:
    with pytest.raises(NotFound):
        await bank.accounts.credit("nobody", 1, "test", "1")
    account_id = await bank.funded(NANO_MAX)
    with pytest.raises(InvalidRequest):
        await bank.accounts.credit(account_id, 1, "test", "1")


async def test_the_audit_names_what_does_not_add_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as bank:
        account_id = await bank.funded(1000)
        key_id = await bank.key_of(account_id)
        await bank.store.commit(ops.hold("run_1", account_id, key_id, 100, bank.store.lease, 1))
        await bank.audited()
    with sqlite3.connect(tmp_path / "batchin.db") as database:
        database.execute("UPDATE account SET posted = 1001")
        database.execute("UPDATE api_key SET held_nano = 99")
        database.execute("UPDATE hold SET amount = 98")
    database.close()
    async with opened(tmp_path) as bank:
        faults = (await audit(bank.store)).faults
    assert faults == (
        f"posted of {account_id}: its row says 1001, its entries 1000 nano-USD",
        f"held of {account_id}: its row says 100, its entries 98 nano-USD",
        f"held by key of {key_id}: its row says 99, its entries 98 nano-USD",
    )


@pytest.mark.parametrize(
    "change", ["posted = 99", "held = -1", "posted = -1, held = -1"], ids=["overdrawn", "below", "both"]
)
async def test_the_database_itself_refuses_an_overdrawn_account(tmp_path: Path, change: str) -> None:
    async with opened(tmp_path) as bank:
        account_id = await bank.funded(1000)
        await bank.store.commit(ops.hold("run_1", account_id, None, 100, bank.store.lease, 1))
    with (
        sqlite3.connect(tmp_path / "batchin.db") as database,
        pytest.raises(sqlite3.IntegrityError, match="account_never_overdrawn"),
    ):
        database.execute(f"UPDATE account SET {change}")
    database.close()
