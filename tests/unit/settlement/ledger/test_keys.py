"""API keys: shown once, known by digest, gone when revoked; a guess learns nothing."""

from pathlib import Path

import pytest

from base.allowance import Allowance
from base.caller import Caller, CallerKind
from base.errors import InvalidRequest, NotFound, Unauthorized
from settlement.ledger.credentials import KeyLimits
from settlement.ledger.demo import ensure_demo
from settlement.ledger.keys import Keys
from tests.unit.settlement.ledger.conftest import PEPPER, Bank, opened

DEMO_KEY = "batchin_api_" + "demo-key_" * 5


def _refusal(keys: Keys, token: str) -> tuple[object, ...]:
    with pytest.raises(Unauthorized) as caught:
        keys.authenticate(token)
    error = caught.value
    return error.body(), error.status, dict(error.headers), error.retry_after_s


async def test_a_key_tells_who_calls(bank: Bank) -> None:
    account_id = await bank.funded(1)
    limits = KeyLimits("research", "private", "eu", frozenset({"chat", "embed"}), 60)
    new = await bank.keys.create(account_id, "laptop", limits)
    assert bank.keys.authenticate(new.key) == Caller(
        CallerKind.ACCOUNT,
        account_id,
        new.id,
        lane="private",
        region="eu",
        workspace="research",
        scopes=frozenset({"chat", "embed"}),
        allowance=Allowance(rpm=60),
    )
    (listed,) = await bank.keys.list(account_id)
    assert listed == new.info
    assert listed.limits == limits


async def test_a_key_has_256_random_bits_and_shows_only_its_beginning(bank: Bank) -> None:
    account_id = await bank.funded(1)
    new = await bank.keys.create(account_id, "laptop")
    assert len(new.key) == len("batchin_api_") + 43
    assert new.info.prefix == new.key[: len("batchin_api_") + 4]
    assert new.key not in repr(new)
    assert new.key != (await bank.keys.create(account_id, "laptop")).key


async def test_unknown_revoked_and_expired_keys_are_refused_alike(bank: Bank) -> None:
    account_id = await bank.funded(1)
    revoked = await bank.keys.create(account_id, "revoked")
    await bank.keys.revoke(revoked.id)
    until = KeyLimits(expires_at_ms=bank.clock.now_ms() + 1000)
    expired = await bank.keys.create(account_id, "expired", until)
    assert bank.keys.authenticate(expired.key).key_id == expired.id
    bank.clock.advance_s(1)
    unknown = "batchin_api_" + "a" * 43
    hostile = ("", "' OR 1=1 --", "\0", "\ud800", "é" * 9, "a" * 65_536, revoked.info.prefix)
    answers = [_refusal(bank.keys, key) for key in (unknown, revoked.key, expired.key, *hostile)]
    assert all(answer == answers[0] for answer in answers)
    assert "API key is invalid or missing" in str(answers[0])


async def test_keys_survive_a_restart_and_revoked_ones_do_not(bank: Bank) -> None:
    account_id = await bank.funded(1)
    kept, gone = [await bank.keys.create(account_id, name) for name in ("kept", "gone")]
    await bank.keys.revoke(gone.id)
    again = Keys(bank.store, bank.clock, PEPPER)
    _refusal(again, kept.key)
    await again.load()
    assert again.authenticate(kept.key) == bank.keys.authenticate(kept.key)
    _refusal(again, gone.key)


async def test_keys_are_worth_nothing_without_the_pepper(bank: Bank) -> None:
    account_id = await bank.funded(1)
    new = await bank.keys.create(account_id, "laptop")
    stolen = Keys(bank.store, bank.clock, b"q" * 32)
    await stolen.load()
    _refusal(stolen, new.key)


async def test_a_key_is_revoked_by_its_account_alone_and_twice_is_harmless(bank: Bank) -> None:
    account_id, other_id = await bank.funded(1), await bank.funded(1)
    new = await bank.keys.create(account_id, "laptop")
    with pytest.raises(NotFound):
        await bank.keys.revoke(new.id, other_id)
    with pytest.raises(NotFound):
        await bank.keys.revoke("nothing")
    assert bank.keys.authenticate(new.key).key_id == new.id
    first = await bank.keys.revoke(new.id, account_id)
    bank.clock.advance_s(60)
    assert await bank.keys.revoke(new.id) == first
    assert not first.is_active(bank.clock.now_ms())


async def test_a_key_needs_an_account(bank: Bank) -> None:
    with pytest.raises(NotFound):
        await bank.keys.create("nobody", "laptop")


async def test_no_key_is_in_any_file_of_the_database(tmp_path: Path) -> None:
    async with opened(tmp_path) as bank:
        account_id = await bank.funded(1)
        secrets = [(await bank.keys.create(account_id, "laptop")).key, DEMO_KEY]
        await bank.keys.create(account_id, "given", key=DEMO_KEY)
        token = await bank.store.commit(bank.keys.wallet_token_op("wallet:x:0x1", 60))
        bank.keys.remember(token[0])
        secrets.append(bank.keys.wallet_token("wallet:x:0x1"))
        for secret in secrets:
            assert bank.keys.authenticate(secret).account_id
        while_open = _bytes_of(tmp_path)
    written = while_open + _bytes_of(tmp_path)
    assert account_id.encode() in written
    assert b"batchin_api_" in written
    for secret in secrets:
        bare = secret.rpartition("_api_")[2].rpartition("_wallet_")[2].encode()
        assert bare not in written
        assert bare[4:] not in written


def _bytes_of(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_a_first_start_makes_one_account_with_money_and_a_key(bank: Bank) -> None:
    new = await ensure_demo(bank.accounts, bank.keys, 5_000, None)
    assert new is not None
    caller = bank.keys.authenticate(new.key)
    assert await bank.accounts.balance(caller.account_id or "") == 5_000
    assert await ensure_demo(bank.accounts, bank.keys, 5_000, None) is None
    assert len(await bank.accounts.list()) == len(await bank.keys.list()) == 1
    await bank.audited()


async def test_a_fixed_demo_key_is_there_after_every_start(bank: Bank) -> None:
    first = await ensure_demo(bank.accounts, bank.keys, 5_000, None)
    assert first is not None
    added = await ensure_demo(bank.accounts, bank.keys, 5_000, DEMO_KEY)
    assert added is not None
    assert added.key == DEMO_KEY
    assert bank.keys.authenticate(DEMO_KEY).account_id == first.info.account_id
    again = Keys(bank.store, bank.clock, PEPPER)
    await again.load()
    assert await ensure_demo(bank.accounts, again, 5_000, DEMO_KEY) is None
    assert again.authenticate(DEMO_KEY).key_id == added.id
    assert await bank.accounts.balance(first.info.account_id) == 5_000


async def test_a_revoked_demo_key_does_not_come_back(bank: Bank) -> None:
    new = await ensure_demo(bank.accounts, bank.keys, 5_000, DEMO_KEY)
    assert new is not None
    await bank.keys.revoke(new.id)
    with pytest.raises(InvalidRequest, match="revoked"):
        await ensure_demo(bank.accounts, bank.keys, 5_000, DEMO_KEY)
