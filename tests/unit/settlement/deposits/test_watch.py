"""Deposits on a real chain: credited once with their confirmations, taken back when their block goes."""

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from settlement.chain import devnet
from settlement.chain.client import Receipt
from settlement.chain.devchain import DevChain
from settlement.chain.funding import fund
from settlement.chain.usdc import TRANSFER, address_topic
from settlement.deposits.addresses import DepositAddresses, path_of
from settlement.deposits.deposit import deposit_row
from settlement.deposits.proof import deposit_differences
from settlement.ledger.ops import post
from settlement.x402.facilitators.movement import movement_of
from storage.op import Op, Rows
from tests.chains import Payer, deployed, new_address, running_chain
from tests.unit.settlement.deposits.bank import ATOMIC, ROOT, Bank, Sender, bank

CONFIRMATIONS = 3


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    """A chain of its own: a reorg would take the blocks of other tests."""
    with running_chain(tmp_path_factory.mktemp("chain")) as chain:
        yield chain


@pytest.fixture
async def till(tmp_path: Path, chain: DevChain) -> AsyncIterator[Bank]:
    async with bank(tmp_path, chain, CONFIRMATIONS) as till:
        yield till


async def credited(till: Bank, sender: Sender, address: str, amount_atomic: int) -> bytes:
    """The raw transaction of a deposit that counts."""
    raw = await sender.send(address, amount_atomic)
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    return raw


async def test_a_deposit_counts_with_its_confirmations_and_once(till: Bank) -> None:
    account, address = await till.account()
    other, _ = await till.account()
    sender = await till.sender()
    await sender.send(address, 734_567)
    for _ in range(CONFIRMATIONS - 1):
        await till.watch.look()
        assert await till.states(account) == ["seen"]
        assert await till.balance(account) == 0
        await till.blocks(1)
    for _ in range(3):
        await till.watch.look()
        await till.reopened()
        assert await till.states(account) == ["credited"]
        assert await till.balance(account) == 734_567
    assert await till.states(other) == []
    assert await till.balance(other) == 0
    assert (await till.audited()).balances["funding"] == -734_567 * ATOMIC


async def test_several_transfers_of_one_transaction_count_each(till: Bank) -> None:
    mine, my_address = await till.account()
    theirs, their_address = await till.account()
    payer = (await till.sender()).payer
    moves = [(my_address, 11), (their_address, 22), (my_address, 11), (new_address(), 5)]
    signed = [payer.authorize(to, amount) for to, amount in moves]
    await deployed(till.chain.rpc_url, b"".join(_call(movement_of(one).data) for one in signed))
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    assert await till.balance(mine) == 22
    assert await till.states(mine) == ["credited", "credited"]
    assert await till.balance(theirs) == 22


def _call(data: bytes) -> bytes:
    """Code of a constructor that calls USDC."""
    words = [data[at : at + 32].ljust(32, b"\0") for at in range(0, len(data), 32)]
    stores = (
        b"\x7f" + word + b"\x61" + (32 * at).to_bytes(2, "big") + b"\x52"
        for at, word in enumerate(words)
    )
    arguments = b"\x60\x00\x60\x00\x61" + len(data).to_bytes(2, "big") + b"\x60\x00\x60\x00"
    return b"".join(stores) + arguments + b"\x73" + bytes.fromhex(devnet.USDC[2:]) + b"\x5a\xf1\x50"


async def test_an_event_that_only_looks_like_usdc_beside_a_true_one_is_no_deposit(till: Bank) -> None:
    account, address = await till.account()
    payer = (await till.sender()).payer
    true = _call(movement_of(payer.authorize(address, 5)).data)
    await deployed(till.chain.rpc_url, true + _transfer_event(address, 10**12))
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    assert await till.states(account) == ["credited"]
    assert await till.balance(account) == 5


def _transfer_event(to: str, amount_atomic: int) -> bytes:
    """Code of a constructor that logs a Transfer of its own contract's."""
    topics = (address_topic(to), address_topic(new_address()), TRANSFER)
    pushed = b"".join(b"\x7f" + bytes.fromhex(topic[2:]) for topic in topics)
    stored = b"\x7f" + amount_atomic.to_bytes(32, "big") + b"\x60\x00\x52"
    return stored + pushed + b"\x60\x20\x60\x00\xa3"


async def test_an_allowance_of_usdc_itself_beside_a_transfer_is_no_deposit(till: Bank) -> None:
    """Approval has the shape of Transfer: two addresses and an amount, of any size and for nothing."""
    account, address = await till.account()
    payer = (await till.sender()).payer
    true = _call(movement_of(payer.authorize(address, 5)).data)
    allowance = bytes.fromhex("095ea7b3" + address[2:].rjust(64, "0") + f"{10**12:064x}")
    await deployed(till.chain.rpc_url, true + _call(allowance))
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    assert await till.states(account) == ["credited"]
    assert await till.balance(account) == 5


async def test_what_arrives_counts_and_not_what_is_taken_on_the_way(till: Bank) -> None:
    """The transaction moves 100 of the payer's and keeps 3 of them as a fee."""
    account, address = await till.account()
    payer = (await till.sender()).payer
    moves = [(new_address(), 3), (address, 97)]
    calls = [_call(movement_of(payer.authorize(to, amount)).data) for to, amount in moves]
    await deployed(till.chain.rpc_url, b"".join(calls))
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    assert await till.states(account) == ["credited"]
    assert await till.balance(account) == 97


async def test_events_of_a_transaction_that_failed_are_no_deposit(
    till: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed transaction has no events: a node that tells of some is not believed."""
    account, address = await till.account()
    await (await till.sender()).send(address, 700)
    await till.blocks(CONFIRMATIONS - 1)
    receipt = till.client.receipt

    async def failed(transaction: str) -> Receipt | None:
        known = await receipt(transaction)
        return known and replace(known, succeeded=False)

    monkeypatch.setattr(till.client, "receipt", failed)
    await till.watch.look()
    assert (await till.states(account), await till.balance(account)) == ([], 0)


async def test_another_token_and_nothing_are_no_deposit(till: Bank) -> None:
    account, address = await till.account()
    creation = bytes.fromhex(devnet.artifact("DevUSDC")["creation"][2:])
    token = await deployed(till.chain.rpc_url, creation)
    sender = await till.sender()
    await sender.send(address, 0)
    await sender.send(address, 0, token)
    mint = bytes.fromhex("40c10f19" + address[2:].rjust(64, "0") + f"{10**9:064x}")
    assert await _as_funder(till, token, mint)
    await till.blocks(CONFIRMATIONS)
    await till.watch.look()
    assert await till.states(account) == []
    assert await till.balance(account) == 0


async def _as_funder(till: Bank, to: str, data: bytes) -> bool:
    return await Payer(Account.from_key(devnet.FUNDER_KEY)).send(till.chain.rpc_url, to, data)


async def test_a_block_that_is_replaced_before_it_counts_leaves_nothing(till: Bank) -> None:
    account, address = await till.account()
    sender = await till.sender()
    raw = await sender.send(address, 700)
    await till.watch.look()
    assert await till.states(account) == ["seen"]
    await till.reorg(1)
    await till.blocks(CONFIRMATIONS)
    await till.watch.look()
    assert await till.states(account) == []  # it was dropped
    assert await till.balance(account) == 0
    await sender.again(raw)
    await till.watch.look()
    assert await till.states(account) == ["seen"]
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    assert await till.balance(account) == 700


async def test_a_deposit_that_moves_to_another_block_waits_for_its_confirmations_there(
    till: Bank,
) -> None:
    account, address = await till.account()
    sender = await till.sender()
    raw = await sender.send(address, 700)
    await till.blocks(CONFIRMATIONS - 2)
    await till.watch.look()
    await till.reorg(CONFIRMATIONS - 1)
    await sender.again(raw)  # its first block would have its confirmations now, with this one
    await till.watch.look()
    assert await till.states(account) == ["seen"]
    assert await till.balance(account) == 0
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    assert await till.balance(account) == 700


async def test_a_deposit_that_moves_while_it_is_looked_at_is_not_credited_early(
    till: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, address = await till.account()
    sender = await till.sender()
    raw = await sender.send(address, 700)
    await till.blocks(CONFIRMATIONS - 1)
    asked, receipt = [], till.client.receipt

    async def moved_before_the_second(transaction: str) -> Receipt | None:
        asked.append(transaction)
        if len(asked) == 2:  # it was noted, and is about to be credited
            await till.reorg(CONFIRMATIONS)
            await till.client.send_raw(raw)
        return await receipt(transaction)

    monkeypatch.setattr(till.client, "receipt", moved_before_the_second)
    await till.watch.look()
    assert len(asked) == 2
    assert (await till.states(account), await till.balance(account)) == (["seen"], 0)
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    assert await till.balance(account) == 700


async def test_a_receipt_of_a_block_that_was_replaced_credits_nothing(
    till: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node may answer with what it knew a moment ago."""
    account, address = await till.account()
    await (await till.sender()).send(address, 700)
    await till.blocks(CONFIRMATIONS - 1)
    asked, receipt = [], till.client.receipt

    async def stale_at_the_second(transaction: str) -> Receipt | None:
        asked.append(transaction)
        known = await receipt(transaction)
        if len(asked) == 2:  # it was noted, and is about to be credited
            await till.reorg(CONFIRMATIONS)
        return known

    monkeypatch.setattr(till.client, "receipt", stale_at_the_second)
    await till.watch.look()
    assert len(asked) == 2
    assert await till.balance(account) == 0


async def test_a_credited_deposit_that_vanishes_is_taken_back_and_credited_again_once(
    till: Bank,
) -> None:
    account, address = await till.account()
    sender = await till.sender()
    raw = await credited(till, sender, address, 900)
    assert await till.balance(account) == 900
    for _ in range(2):
        await till.reorg(CONFIRMATIONS)
        for _ in range(2):
            await till.watch.look()
            assert await till.states(account) == ["reversed"]
            assert await till.balance(account) == 0
        await sender.again(raw)
        await till.watch.look()
        assert await till.states(account) == ["seen"]
        await till.blocks(CONFIRMATIONS - 1)
        for _ in range(2):
            await till.watch.look()
            await till.reopened()
        assert await till.balance(account) == 900
    assert (await till.audited()).balances["funding"] == -900 * ATOMIC


async def test_a_credited_deposit_that_only_moves_is_not_credited_again(till: Bank) -> None:
    account, address = await till.account()
    sender = await till.sender()
    raw = await credited(till, sender, address, 900)
    await till.reorg(CONFIRMATIONS)
    await sender.again(raw)
    await till.blocks(CONFIRMATIONS)
    for _ in range(2):
        await till.watch.look()
        assert await till.states(account) == ["credited"]
        assert await till.balance(account) == 900


async def test_what_was_spent_before_it_vanished_is_our_claim(till: Bank) -> None:
    account, address = await till.account()
    sender = await till.sender()
    raw = await credited(till, sender, address, 900)
    await till.store.commit(post("spent", account, "revenue", 600 * ATOMIC, "test", "x", 0))
    await till.reorg(CONFIRMATIONS)
    await till.watch.look()
    assert await till.balance(account) == 0
    assert (await till.audited()).balances["receivable"] == -600 * ATOMIC
    await sender.again(raw)
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    assert await till.balance(account) == 300
    assert (await till.audited()).balances["receivable"] == 0


async def test_a_hundred_reorganisations_credit_each_deposit_once_and_none_early(till: Bank) -> None:
    chance = random.Random(5)
    account, address = await till.account()
    sender = await till.sender()
    sent: list[bytes] = []
    for round_ in range(100):
        depth = chance.randrange(1, CONFIRMATIONS)
        sent.append(await sender.send(address, 1))
        await till.blocks(depth - 1)
        if chance.random() < 0.5:
            await till.watch.look()
        await till.reorg(depth)
        await sender.again(sent[-1])
        await till.watch.look()
        assert await till.balance(account) <= round_
    await till.blocks(CONFIRMATIONS - 1)
    await till.watch.look()
    assert await till.balance(account) == 100
    assert set(await till.states(account)) == {"credited"}
    await till.audited()


async def test_a_row_that_the_books_do_not_know_is_a_difference(till: Bank) -> None:
    account, address = await till.account()
    await credited(till, await till.sender(), address, 900)
    (deposit,) = await till.deposits(account)

    def fold(rows: Rows) -> None:
        rows.put(deposit.key, deposit_row(replace(deposit, amount_atomic=901)))

    await till.store.commit(Op((deposit.key,), fold))
    (text,) = await deposit_differences(till.store)
    assert "0.000901 USD" in text
    assert "900000 nano-USD" in text


async def test_what_came_while_the_server_was_down_is_credited(till: Bank) -> None:
    account, address = await till.account()
    await till.watch.look()
    await fund(till.chain.rpc_url, address, 50)
    await till.blocks(CONFIRMATIONS)
    await till.reopened()
    await till.watch.look()
    assert await till.balance(account) == 50


async def test_an_address_is_of_one_account_and_found_again_from_its_id_alone(till: Bank) -> None:
    (mine, first), (theirs, second) = await till.account(), await till.account()
    assert first != second
    assert await till.addresses.of(mine) == first == ROOT.address(*path_of(mine))
    assert (await till.addresses.known())[second] == theirs
    other = DepositAddresses(ROOT, till.store, till.addresses.clock)
    assert await other.known() == {first: mine, second: theirs}
    third, address = await till.account()
    assert (await other.known())[address] == third  # another process told it
