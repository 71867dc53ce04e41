"""The key ring: made at first use, rotated, and whole after a crash between its two files."""

import stat
from pathlib import Path

import orjson
import pytest

from base.secret_file import KeyFileError
from base.signing import key_id_of, signature_holds
from settlement.evidence.keyring import KeyRing
from settlement.evidence.trust import trust_from_document
from tests.clocks import HandClock


def test_the_first_use_makes_a_key_that_stays(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path / "keys", HandClock())
    again = KeyRing.open(tmp_path / "keys", HandClock())
    assert again.current.public_key == ring.current.public_key
    assert again.history == ring.history
    assert stat.S_IMODE((tmp_path / "keys" / "receipt.key").stat().st_mode) == 0o600


def test_rotation_ends_the_old_key_and_starts_the_new_one(tmp_path: Path) -> None:
    clock = HandClock()
    ring = KeyRing.open(tmp_path, clock)
    old = ring.current
    clock.advance_s(10)
    new = ring.rotate()
    assert ring.current is new
    assert new.public_key != old.public_key
    [first, second] = ring.history
    assert (first.public_key, first.not_after_ms) == (old.public_key, clock.now_ms())
    assert (second.public_key, second.not_before_ms) == (new.public_key, clock.now_ms())
    assert second.not_after_ms is None
    assert first.valid_at(clock.now_ms())
    assert not first.valid_at(clock.now_ms() + 1)

    reopened = KeyRing.open(tmp_path, clock)
    assert reopened.history == ring.history
    for key in (old, new):
        signature = reopened.signer_of(key.key_id).sign(b"receipt")
        assert signature_holds(key.public_key, b"receipt", signature)
    for path in tmp_path.glob("receipt*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".*"))


def test_a_crash_before_the_history_was_written_is_mended(tmp_path: Path) -> None:
    clock = HandClock()
    ring = KeyRing.open(tmp_path, clock)
    before = (tmp_path / "receipt.history.json").read_bytes()
    clock.advance_s(10)
    ring.rotate()
    (tmp_path / "receipt.history.json").write_bytes(before)
    clock.advance_s(10)
    mended = KeyRing.open(tmp_path, clock)
    assert mended.current.public_key == ring.current.public_key
    assert [key.public_key for key in mended.history] == [key.public_key for key in ring.history]
    assert mended.history[0].not_after_ms == clock.now_ms()


def test_until_it_is_adopted_a_prepared_key_signs_nothing_and_both_are_trusted(tmp_path: Path) -> None:
    clock = HandClock()
    ring = KeyRing.open(tmp_path, clock)
    old = ring.current
    clock.advance_s(10)
    new = ring.prepare()
    prepared_ms = clock.now_ms()
    assert ring.current is old
    clock.advance_s(10)
    ring.adopt(new)
    [first, second] = ring.history
    assert (first.not_after_ms, second.not_before_ms) == (clock.now_ms(), prepared_ms)
    ring.save()
    assert KeyRing.open(tmp_path, clock).history == ring.history


@pytest.mark.parametrize("adopted", [False, True])
def test_a_crash_amid_a_rotation_leaves_every_record_valid(tmp_path: Path, adopted: bool) -> None:
    clock = HandClock()
    ring = KeyRing.open(tmp_path, clock)
    old = ring.current
    clock.advance_s(10)
    new = ring.prepare()
    clock.advance_s(10)
    if adopted:
        ring.adopt(new)
    signed_ms = clock.now_ms()
    clock.advance_s(10)
    reopened = KeyRing.open(tmp_path, clock)
    assert reopened.current.public_key == new.public_key
    [first, second] = reopened.history
    assert (first.public_key, second.public_key) == (old.public_key, new.public_key)
    assert (first.valid_at(signed_ms), second.valid_at(signed_ms)) == (True, True)
    clock.advance_s(10)
    assert not first.valid_at(clock.now_ms())
    assert KeyRing.open(tmp_path, clock).history == reopened.history


def test_a_clock_that_steps_back_makes_no_gap_and_no_overlap(tmp_path: Path) -> None:
    clock = HandClock()
    ring = KeyRing.open(tmp_path, clock)
    clock.advance_s(60)
    ring.rotate()
    clock.advance_s(-30)
    ring.rotate()
    times = [(key.not_before_ms, key.not_after_ms) for key in ring.history]
    assert times[1][0] == times[0][1]
    assert times[2][0] == times[1][1]
    assert times[1][0] <= times[2][0]


def test_the_document_tells_the_keys_that_a_verifier_may_trust(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path, HandClock())
    ring.rotate()
    document = orjson.loads(orjson.dumps(ring.document()))
    assert document["verify_key_hex"] == ring.current.public_key.hex()
    assert document["public_key"] == "ed25519:pk_" + document["verify_key_hex"]
    assert document["key_id"] == key_id_of(ring.current.public_key)
    assert trust_from_document(document).keys == tuple(ring.history)


def test_trouble_with_the_files_is_named(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path, HandClock())
    old = ring.current.key_id
    ring.rotate()
    (tmp_path / f"receipt.{old}.key").unlink()
    with pytest.raises(KeyFileError, match=f"receipt.{old}.key"):
        KeyRing.open(tmp_path, HandClock()).signer_of(old)
    for broken in (b"{", b'[{"verify_key_hex": 1}]', b"7"):
        (tmp_path / "receipt.history.json").write_bytes(broken)
        with pytest.raises(KeyFileError, match="restore it from a backup"):
            KeyRing.open(tmp_path, HandClock())
    (tmp_path / "receipt.key").chmod(0o644)
    (tmp_path / "receipt.history.json").unlink()
    with pytest.raises(KeyFileError, match="chmod 600"):
        KeyRing.open(tmp_path, HandClock())


def test_a_revoked_key_counts_for_what_the_log_held_before(tmp_path: Path) -> None:
    clock = HandClock()
    ring = KeyRing.open(tmp_path, clock)
    old = ring.current
    with pytest.raises(ValueError, match="in use"):
        ring.revoke(old.key_id, clock.now_ms(), 5)
    with pytest.raises(LookupError):
        ring.revoke("00000000", clock.now_ms(), 5)
    clock.advance_s(10)
    ring.rotate()
    cut_ms = clock.now_ms() - 3_000
    revoked = ring.revoke(old.key_id, cut_ms, 5)
    ring.save()
    assert KeyRing.open(tmp_path, clock).history == ring.history
    assert (revoked.valid_at(cut_ms), revoked.valid_at(cut_ms + 1)) == (True, False)
    assert (revoked.held_before(4), revoked.held_before(5), revoked.held_before(None)) == (
        True,
        False,
        False,
    )
    again = ring.revoke(old.key_id, clock.now_ms(), 9)
    assert (again.not_after_ms, again.revoked_size) == (cut_ms, 5)
    assert trust_from_document(ring.document()).keys == tuple(ring.history)
    ring.rotate()
    assert ring.history[0] == again
