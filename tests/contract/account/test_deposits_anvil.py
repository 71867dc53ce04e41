"""USDC deposits on anvil, a chain by others: a deep reorganisation takes back, and all count once."""

from pathlib import Path

import pytest

from tests.anvil import anvil
from tests.unit.settlement.deposits.bank import bank

pytestmark = pytest.mark.peers


async def test_a_reorganisation_of_anvil_takes_a_deposit_back_until_it_is_in_a_block_again(
    tmp_path: Path,
) -> None:
    async with anvil(tmp_path) as chain, bank(tmp_path, chain, 2) as till:
        account, address = await till.account()
        sender = await till.sender()
        raw = await sender.send(address, 900)
        await till.watch.look()
        assert await till.states(account) == ["seen"]
        await till.blocks(1)
        await till.watch.look()
        assert await till.balance(account) == 900
        await till.reorg(2)
        await till.watch.look()
        assert (await till.states(account), await till.balance(account)) == (["reversed"], 0)
        await sender.again(raw)
        await till.blocks(1)
        for _ in range(2):
            await till.watch.look()
            assert (await till.states(account), await till.balance(account)) == (["credited"], 900)
        await till.audited()
