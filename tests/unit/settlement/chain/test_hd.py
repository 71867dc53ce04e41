"""Addresses below an extended public key: the published vectors, and a wallet's own derivation."""

import hmac

import pytest
from eth_account import Account
from eth_account.hdaccount.deterministic import HDPath
from hypothesis import given
from hypothesis import strategies as st

from settlement.chain.hd import ExtendedKey

# BIP-32, test vector 2: the chains m and m/0
MASTER = (
    "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJ"
    "hkJ8UB7WEGuduB"
)
CHILD = (
    "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D"
    "3tgFxHmwMkQTPH"
)
SEED = bytes.fromhex(
    "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c"
    "696663605d5a5754514e4b484542"
)
PRIVATE = (
    "xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2e"
    "mdEXVYsCzC2U"
)


def test_a_child_is_the_published_one() -> None:
    assert ExtendedKey.parse(MASTER).child(0) == ExtendedKey.parse(CHILD)
    assert ExtendedKey.of_seed(SEED) == ExtendedKey.parse(MASTER)


@given(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)))
def test_an_address_is_the_one_that_the_wallet_of_the_private_key_has(path: tuple[int, int]) -> None:
    secret = HDPath(f"m/{path[0]}/{path[1]}").derive(SEED)
    assert ExtendedKey.parse(MASTER).address(*path) == Account.from_key(secret).address.lower()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (PRIVATE, "private"),
        ("", "checksum"),
        (MASTER[:-1], "checksum"),
        (MASTER[:-1] + ("A" if MASTER[-1] != "A" else "C"), "checksum"),
        (MASTER + "1", "checksum"),
        ("xpub0" + MASTER[5:], "extended public key"),
        ("é" * 111, "extended public key"),
    ],
)
def test_what_is_no_public_key_is_refused_and_not_repeated(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        ExtendedKey.parse(text)
    assert not text or text not in str(refused.value)


def test_a_public_key_has_no_hardened_children() -> None:
    with pytest.raises(ValueError, match=r"2\*\*31"):
        ExtendedKey.parse(MASTER).child(2**31)


def test_the_chain_code_is_not_shown() -> None:
    key = ExtendedKey.parse(MASTER)
    assert repr(key.chain_code) not in repr(key)
    assert hmac.digest(b"Bitcoin seed", SEED, "sha512")[32:] == key.chain_code
