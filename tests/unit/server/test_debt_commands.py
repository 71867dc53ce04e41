"""``batchin ledger owed``, ``repaid``, ``forgive``: what a wallet owes ends, and the books fit."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from server.tables import DATABASE, TABLES
from settlement.x402.payment import Payment
from storage.sqlite import open_store
from tests.unit.settlement.x402.house import SALE, Chain, Clock, House, Payer, paid_order, rail_over
from tests.unit.settlement.x402.house import run as pay

OWED = 1_260


def said(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main((*arguments, "--data-dir", str(folder)))
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out + err


def told(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> Any:
    status, out = said(capsys, folder, *arguments, "--json")
    assert status == 0, out
    return json.loads(out)


async def _two_losses(folder: Path) -> list[Payment]:
    """Two calls of one wallet that were answered, whose payments left their chain."""
    store = await open_store(folder / DATABASE, TABLES)
    try:
        chain, payer = Chain(Clock()), Payer()
        rail, keys = await rail_over(folder, store, chain, chain.clock, SALE)
        house = House(rail, store, keys, chain, chain.clock)
        for number in (1, 2):
            await pay(house, await paid_order(house, payer, body=f"sha256:{number:064x}"))
        lost = [Payment.from_row(row) for row in await house.payments()]
        for payment in lost:
            await rail.reconciliation.losses.book(payment, "nonce_already_used")
        return sorted(lost, key=lambda payment: payment.run_id)
    finally:
        await store.close()


def test_debts_are_listed_ended_once_and_proved(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, out = said(capsys, tmp_path, "ledger", "owed")
    assert (status, out.endswith("\nOwed in all: $0.00.\n")) == (0, True), out
    first, second = asyncio.run(_two_losses(tmp_path))
    listed = told(capsys, tmp_path, "ledger", "owed")
    assert [one["run_id"] for one in listed["owed"]] == [first.run_id, second.run_id]
    assert listed["owed_nano_usd"] == 2 * OWED
    status, out = said(capsys, tmp_path, "ledger", "forgive", first.run_id)
    assert status == 0
    assert f"The wallet still owes $0.00000126 for {second.run_id}." in out
    assert "served again" not in out
    assert "Everything fits" in out
    ended = told(capsys, tmp_path, "ledger", "repaid", second.run_id, "--note", "sent in 0xabc")
    assert (ended["status"], ended["served_again"], ended["still_owed"]) == ("repaid", True, [])
    accounts = ended["audit"]["system_accounts"]
    assert (accounts["loss"], accounts["written_off"], accounts["funding"]) == (0, -OWED, -OWED)
    assert ended["audit"]["balanced"] is True
    status, out = said(capsys, tmp_path, "ledger", "repaid", second.run_id)
    assert status != 0
    assert "owes nothing: it is repaid" in out
    status, out = said(capsys, tmp_path, "ledger", "forgive", "run_" + "0" * 32)
    assert status != 0
    assert "There is no payment" in out
    assert told(capsys, tmp_path, "ledger", "audit")["balanced"] is True
