"""Tokens that spend a wallet's credit: given again on a replay, extended by a payment, ended by hand."""

import pytest

from base.caller import Caller, CallerKind
from base.errors import Unauthorized
from settlement.ledger import ops
from settlement.ledger.keys import Keys
from storage.op import Refused
from tests.unit.settlement.ledger.conftest import PEPPER, Bank

WALLET = "wallet:eip155:31337:0xabcd000000000000000000000000000000000001"


async def _pay(bank: Bank, run_id: str, ttl_s: int = 60) -> str:
    """A payment of 100 by the wallet, and the token that its answer carries."""
    credited = ops.post(f"x402:{run_id}", "receivable", WALLET, 100, "payment", run_id, 1)
    values = await bank.store.commit(credited, bank.keys.wallet_token_op(WALLET, ttl_s))
    bank.keys.remember(values[-1])
    return bank.keys.wallet_token(WALLET)


async def test_a_token_spends_its_wallets_credit(bank: Bank) -> None:
    token = await _pay(bank, "run_1")
    caller = bank.keys.authenticate(token)
    assert caller == Caller(CallerKind.WALLET, WALLET, f"token:{WALLET}")
    hold = ops.hold("run_2", WALLET, caller.key_id, 100, bank.store.lease, bank.clock.now_ms())
    assert await bank.store.commit(hold) == (None,)
    other = ops.hold("run_3", "wallet:x", caller.key_id, 1, bank.store.lease, bank.clock.now_ms())
    assert isinstance(await bank.store.commit(other), Refused)


async def test_a_token_works_only_after_its_commit(bank: Bank) -> None:
    token = bank.keys.wallet_token(WALLET)
    with pytest.raises(Unauthorized):
        bank.keys.authenticate(token)
    assert await _pay(bank, "run_1") == token
    assert token.startswith("batchin_wallet_")
    assert len(token) == len("batchin_wallet_") + 43


async def test_the_same_token_is_given_again_also_after_a_restart(bank: Bank) -> None:
    token = await _pay(bank, "run_1")
    assert await _pay(bank, "run_2") == token
    again = Keys(bank.store, bank.clock, PEPPER)
    await again.load()
    assert again.wallet_token(WALLET) == token
    assert again.authenticate(token).account_id == WALLET
    assert len(await bank.keys.list(WALLET)) == 1
    assert Keys(bank.store, bank.clock, b"q" * 32).wallet_token(WALLET) != token


async def test_a_payment_extends_a_token_and_none_shortens_it(bank: Bank) -> None:
    token = await _pay(bank, "run_1", ttl_s=60)
    bank.clock.advance_s(50)
    await _pay(bank, "run_2", ttl_s=60)
    await _pay(bank, "run_3", ttl_s=1)
    bank.clock.advance_s(59)
    assert bank.keys.authenticate(token).account_id == WALLET
    bank.clock.advance_s(1)
    with pytest.raises(Unauthorized):
        bank.keys.authenticate(token)
    assert await _pay(bank, "run_4") == token
    assert bank.keys.authenticate(token).account_id == WALLET


async def test_a_revoked_token_is_replaced_by_the_next_payment(bank: Bank) -> None:
    token = await _pay(bank, "run_1")
    await bank.keys.revoke(f"token:{WALLET}")
    with pytest.raises(Unauthorized):
        bank.keys.authenticate(token)
    again = Keys(bank.store, bank.clock, PEPPER)
    await again.load()
    assert again.wallet_token(WALLET) == bank.keys.wallet_token(WALLET) != token
    renewed = await _pay(bank, "run_2")
    assert renewed != token
    assert bank.keys.authenticate(renewed).account_id == WALLET
    with pytest.raises(Unauthorized):
        bank.keys.authenticate(token)
    await bank.audited()
