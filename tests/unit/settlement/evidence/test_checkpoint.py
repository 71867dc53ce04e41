"""C2SP checkpoints: the form, the signature, and what is no checkpoint."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.signing import SeedSigner, signature_holds
from settlement.evidence.checkpoint import (
    BadCheckpoint,
    Checkpoint,
    LogKey,
    Note,
    log_key_from,
    signed_note,
)

SIGNER = SeedSigner(b"c" * 32)
KEY = LogKey("log.example/batchin", SIGNER.public_key)
CHECKPOINT = Checkpoint(KEY.name, 7, b"r" * 32)
NOTE = signed_note(CHECKPOINT, SIGNER)

# The example of the Go package golang.org/x/mod/sumdb/note, which the C2SP format comes from.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)


def test_a_checkpoint_has_the_published_form() -> None:
    origin, size, root, empty, signature, end = NOTE.split("\n")
    assert (origin, size, empty, end) == ("log.example/batchin", "7", "", "")
    assert base64.b64decode(root) == b"r" * 32
    assert signature.startswith("\N{EM DASH} log.example/batchin ")
    assert len(base64.b64decode(signature.rpartition(" ")[2])) == 4 + 64


def test_it_reads_back_and_its_signature_holds() -> None:
    note = Note.parse(NOTE)
    assert note.checkpoint == CHECKPOINT
    assert note.signed_by(KEY)
    assert not note.signed_by(LogKey("other.example", SIGNER.public_key))
    assert not note.signed_by(LogKey(KEY.name, SeedSigner(b"d" * 32).public_key))


def test_extension_lines_and_witnesses_are_kept() -> None:
    text = CHECKPOINT.text() + "an extension line\n"
    key_hash = KEY.hash + SIGNER.sign(text.encode())
    own = f"\N{EM DASH} {KEY.name} {base64.b64encode(key_hash).decode()}\n"
    witness = f"\N{EM DASH} witness.example {base64.b64encode(b'w' * 76).decode()}\n"
    note = Note.parse(f"{text}\n{witness}{own}")
    assert note.signed_by(KEY)
    assert len(note.signatures) == 2


def test_keys_are_those_of_other_implementations() -> None:
    key = log_key_from(GO_KEY)
    assert key is not None
    assert key.verifier_key() == GO_KEY
    signature = base64.b64decode(GO_SIGNATURE)
    assert signature[:4] == key.hash
    assert signature_holds(key.public_key, GO_TEXT.encode(), signature[4:])


@pytest.mark.parametrize(
    "text", [None, 1, "", "name", "a+b", "a+b+c", GO_KEY + "x", GO_KEY.replace("c74f", "c74e")]
)
def test_what_is_no_key_is_none(text: object) -> None:
    assert log_key_from(text) is None


@pytest.mark.parametrize(
    "note",
    [
        None,
        7,
        "",
        "\n\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\n7\n", "\n07\n"),
        NOTE.replace("\n7\n", "\n-7\n"),
        NOTE.replace("\n7\n", "\n" + "9" * 30 + "\n"),
        NOTE.replace("cnJy", "cnJ", 1),
        NOTE.replace("\N{EM DASH} ", "- "),
        "\n" + NOTE.partition("\n")[2],
        NOTE + "x" * 20_000 + "\n",
        NOTE.rpartition(" ")[0] + " AAAA\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(note: object) -> None:
    with pytest.raises(BadCheckpoint):
        Note.parse(note)


@given(at=st.integers(0, len(NOTE) - 1), character=st.characters())
def test_a_note_with_another_character_is_not_signed(at: int, character: str) -> None:
    changed = NOTE[:at] + character + NOTE[at + 1 :]
    try:
        note = Note.parse(changed)
    except BadCheckpoint:
        return
    assert note.signed_by(KEY) == (changed == NOTE)
