"""A key of records that is no file: it moves out and back, and no record falls between two keys."""

from pathlib import Path

import pytest

from base.secret_file import KeyFileError
from base.signers import OutsideKeys
from base.signing import SeedSigner, signature_holds
from settlement.evidence.keyring import KeyRing, own_ring
from tests.clocks import HandClock

FIRST, SECOND = SeedSigner(b"1" * 32), SeedSigner(b"2" * 32)
ALL = {signer.public_key: signer for signer in (FIRST, SECOND)}


def with_variable(signer: SeedSigner) -> OutsideKeys:
    return OutsideKeys(signer, lambda _: None)


def with_service(signer: SeedSigner) -> OutsideKeys:
    return OutsideKeys(signer, ALL.get)


def test_a_key_outside_leaves_no_key_in_the_folder(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path, HandClock(), with_variable(FIRST))
    assert (ring.current.public_key, ring.ours) == (FIRST.public_key, False)
    assert not list(tmp_path.glob("*.key"))
    assert (b"1" * 32).hex() not in "".join(path.read_text() for path in tmp_path.iterdir())
    again = KeyRing.open(tmp_path, HandClock(), with_variable(FIRST))
    assert again.history == ring.history


def test_a_file_that_moves_out_ends_and_still_signs_its_receipts(tmp_path: Path) -> None:
    clock = HandClock()
    old = KeyRing.open(tmp_path, clock).current
    clock.advance_s(5)
    ring = KeyRing.open(tmp_path, clock, with_variable(FIRST))
    assert [key.not_after_ms for key in ring.history] == [clock.now_ms(), None]
    signature = ring.signer_of(old.key_id).sign(b"receipt")
    assert signature_holds(old.public_key, b"receipt", signature)
    clock.advance_s(5)
    back = KeyRing.open(tmp_path, clock)
    assert back.ours
    assert back.current.public_key not in (old.public_key, FIRST.public_key)
    assert len(back.history) == 3


def test_a_service_signs_for_its_earlier_keys_and_a_variable_does_not(tmp_path: Path) -> None:
    for folder, outside in (("a", with_service), ("b", with_variable)):
        clock = HandClock()
        KeyRing.open(tmp_path / folder, clock, outside(FIRST))
        clock.advance_s(5)
        ring = KeyRing.open(tmp_path / folder, clock, outside(SECOND))
        assert [key.public_key for key in ring.history] == [FIRST.public_key, SECOND.public_key]
        if outside is with_service:
            assert ring.signer_of(FIRST.key_id) is FIRST
            continue
        with pytest.raises(KeyFileError, match=f"receipt.{FIRST.key_id}.key is missing"):
            ring.signer_of(FIRST.key_id)


def test_a_key_that_has_ended_is_not_taken_up_again(tmp_path: Path) -> None:
    clock = HandClock()
    for signer in (FIRST, SECOND):
        clock.advance_s(5)
        KeyRing.open(tmp_path, clock, with_variable(signer))
    with pytest.raises(KeyFileError, match="has ended"):
        KeyRing.open(tmp_path, clock, with_variable(FIRST))


def test_who_does_not_know_where_it_is_makes_no_new_one(tmp_path: Path) -> None:
    clock = HandClock()
    assert own_ring(tmp_path, clock).ours
    KeyRing.open(tmp_path, clock, with_variable(FIRST))
    with pytest.raises(KeyFileError, match="record_signer"):
        own_ring(tmp_path, clock)
    assert not (tmp_path / "receipt.key").exists()
