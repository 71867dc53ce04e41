"""Ed25519: the vectors of RFC 8032, and signatures that are nearly right."""

import json
import stat
from pathlib import Path

import pytest

from base.secret_file import KeyFileError
from base.signing import SeedSigner, file_signer, key_id_of, signature_holds

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "ed25519.json").read_text())
MESSAGE = b"message"


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_vectors_of_rfc_8032(vector: dict[str, str]) -> None:
    signer = SeedSigner(bytes.fromhex(vector["secret"]))
    message, signature = bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])
    assert signer.public_key.hex() == vector["public"]
    assert signer.sign(message) == signature
    assert signature_holds(signer.public_key, message, signature)


def test_every_flipped_bit_breaks_a_signature() -> None:
    signer = SeedSigner(b"s" * 32)
    signature = signer.sign(MESSAGE)
    for at in range(len(signature) * 8):
        flipped = bytearray(signature)
        flipped[at // 8] ^= 1 << at % 8
        assert not signature_holds(signer.public_key, MESSAGE, bytes(flipped))
    for at in range(len(MESSAGE) * 8):
        changed = bytearray(MESSAGE)
        changed[at // 8] ^= 1 << at % 8
        assert not signature_holds(signer.public_key, bytes(changed), signature)


def test_the_other_spelling_of_a_signature_is_refused() -> None:
    """S + L names the same scalar (RFC 8032 5.1.7): accepted, a record would have two signatures."""
    signer = SeedSigner(b"s" * 32)
    signature = signer.sign(MESSAGE)
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(signature[32:], "little") + order
    assert not signature_holds(
        signer.public_key, MESSAGE, signature[:32] + scalar.to_bytes(32, "little")
    )


@pytest.mark.parametrize(
    ("key", "signature"), [(b"", b""), (b"k" * 31, b"s" * 64), (b"k" * 32, b"s" * 63)]
)
def test_keys_and_signatures_of_other_sizes_hold_nothing(key: bytes, signature: bytes) -> None:
    assert not signature_holds(key, MESSAGE, signature)


def test_a_small_order_key_signs_nothing() -> None:
    neutral = (1).to_bytes(32, "little")
    assert not signature_holds(neutral, MESSAGE, neutral + bytes(32))


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "receipt.key"
    signer = file_signer(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert file_signer(path).public_key == signer.public_key
    assert signer.key_id == key_id_of(signer.public_key)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        file_signer(path)
