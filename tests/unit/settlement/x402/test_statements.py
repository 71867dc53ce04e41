"""Signed offers and receipts: the challenge and the answer carry them, under the key of the server."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from base.signing import SeedSigner, signature_holds
from settlement.evidence.keyring import KeyRing
from settlement.x402.statements import OFFER_RECEIPT, Statements
from tests.clocks import HandClock
from tests.unit.settlement.evidence.case import at_once

PATH = Path(__file__).parents[3] / "vectors" / "offer_receipt.json"
VECTOR = json.loads(PATH.read_bytes()) if PATH.exists() else {}
ACCEPTED = {
    "scheme": "exact",
    "network": "eip155:31337",
    "asset": "0x" + "cc" * 20,
    "payTo": "0x" + "bb" * 20,
    "amount": "15",
    "maxTimeoutSeconds": 420,
    "extra": {"name": "USDC", "version": "2"},
}
SEED = "11" * 32


def statements(folder: Path) -> Statements:
    path = folder / "receipt.key"
    path.touch(mode=0o600)
    path.write_text(SEED)
    clock = HandClock()
    return Statements(KeyRing.open(folder, clock), "https://api.example:8443", clock)


def opened(jws: str, public_key: bytes) -> tuple[Any, Any]:
    header, payload, signature = jws.split(".")
    signed, given = f"{header}.{payload}".encode(), _bytes(signature)
    assert signature_holds(public_key, signed, given)
    assert not signature_holds(public_key, signed[:-1], given)
    return json.loads(_bytes(header)), json.loads(_bytes(payload))


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_each_way_to_pay_is_offered_under_the_servers_key(tmp_path: Path) -> None:
    made = statements(tmp_path)
    other = {**ACCEPTED, "amount": "20"}
    extension = at_once(made.offers("https://api.example:8443/v1/vaas", [ACCEPTED, other]))
    offers = extension["info"]["offers"]
    assert [offer["acceptIndex"] for offer in offers] == [0, 1]
    key = SeedSigner(bytes.fromhex(SEED))
    header, payload = opened(offers[1]["signature"], key.public_key)
    assert header == {"alg": "EdDSA", "kid": f"did:web:api.example%3A8443#{key.key_id}"}
    now_s = HandClock().now_ms() // 1000
    assert payload == {
        "version": 1,
        "resourceUrl": "https://api.example:8443/v1/vaas",
        "scheme": "exact",
        "network": "eip155:31337",
        "asset": ACCEPTED["asset"],
        "payTo": ACCEPTED["payTo"],
        "amount": "20",
        "validUntil": now_s + 420,
    }


def test_the_vector_is_what_is_signed(tmp_path: Path) -> None:
    """Frozen: verifiers in the field, and the official extension in the peer tests, read it."""
    made = at_once(statements(tmp_path).offers("https://api.example:8443/v1/vaas", [ACCEPTED]))
    if not VECTOR:
        pytest.fail("tests/vectors/offer_receipt.json is missing")
    assert VECTOR["offer"] == made["info"]["offers"][0]
    assert VECTOR["verify_key_hex"] == SeedSigner(bytes.fromhex(SEED)).public_key.hex()
    assert OFFER_RECEIPT == "offer-receipt"
