"""Tokens of what a payment bought: made from what they open, good until they expire or are revoked."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from base.caller import Caller, CallerKind, Opened
from base.errors import Unauthorized
from base.ids import audit_id_of, new_run_id
from settlement.ledger.keys import Keys
from settlement.ledger.object_tokens import OBJECT_PREFIX
from tests.unit.settlement.ledger.conftest import PEPPER, Bank

WALLET = "wallet:eip155:31337:0xabcd000000000000000000000000000000000001"
OTHER = "wallet:eip155:31337:0xabcd000000000000000000000000000000000002"
RUN = "run_0192f0c44b5d7c63a1c5b6f0e6a8d9b2"
HEX = RUN.removeprefix("run_")


def token_of(bank: Bank, run_id: str = RUN, account_id: str = WALLET, ttl_s: int = 60) -> str:
    return bank.keys.object_token(account_id, run_id, bank.clock.now_ms() + ttl_s * 1000)


async def test_a_token_makes_nobody_of_its_holder_but_for_one_object(bank: Bank) -> None:
    caller = bank.keys.authenticate(token_of(bank))
    assert caller == Caller(CallerKind.ANONYMOUS, opens=Opened(WALLET, RUN))
    assert (caller.account_id, caller.key_id) == (None, None)
    own = (f"video_{HEX}", f"file_video_{HEX}", f"resp_chatcmpl_{HEX}", audit_id_of(RUN), RUN)
    assert {caller.account_for(name) for name in own} == {WALLET}
    foreign = (f"video_{new_run_id()[4:]}", audit_id_of(new_run_id()), "file_x", "", "..", "resp_")
    for name in foreign:
        assert caller.account_for(name) not in (None, WALLET)


async def test_every_byte_of_a_token_counts(bank: Bank) -> None:
    token = token_of(bank)
    raw = urlsafe_b64decode(token.removeprefix(OBJECT_PREFIX) + "==")
    for at in range(len(raw)):
        for bit in range(8):
            changed = bytes([*raw[:at], raw[at] ^ 1 << bit, *raw[at + 1 :]])
            forged = OBJECT_PREFIX + urlsafe_b64encode(changed).rstrip(b"=").decode()
            with pytest.raises(Unauthorized):
                bank.keys.authenticate(forged)
    for length in range(len(token)):
        with pytest.raises(Unauthorized):
            bank.keys.authenticate(token[:length])
    for junk in ("", "A", "é", "%%", "\x00", "A" * 10_000):
        with pytest.raises(Unauthorized):
            bank.keys.authenticate(OBJECT_PREFIX + junk)


async def test_a_token_ends_with_its_time_and_is_no_other_servers(bank: Bank) -> None:
    token = token_of(bank, ttl_s=60)
    bank.clock.advance_s(59)
    assert bank.keys.authenticate(token).opens
    bank.clock.advance_s(1)
    with pytest.raises(Unauthorized):
        bank.keys.authenticate(token)
    with pytest.raises(Unauthorized):
        Keys(bank.store, bank.clock, b"q" * 32).authenticate(token_of(bank))


async def test_revoking_a_wallets_token_ends_those_of_what_it_bought_for_good(bank: Bank) -> None:
    values = await bank.store.commit(bank.keys.wallet_token_op(WALLET, 60))
    bank.keys.remember(values[-1])
    token, foreign = token_of(bank), token_of(bank, account_id=OTHER)
    await bank.keys.revoke(f"token:{WALLET}")
    again = Keys(bank.store, bank.clock, PEPPER)
    await again.load()
    for keys in (bank.keys, again):
        with pytest.raises(Unauthorized):
            keys.authenticate(token)
        assert keys.authenticate(foreign).opens == Opened(OTHER, RUN)
        assert keys.authenticate(keys.object_token(WALLET, RUN, bank.clock.now_ms() + 1)).opens
