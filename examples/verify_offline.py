"""Check the proof of a call with nothing but an Ed25519 library.

Needs: pip install pynacl httpx. Run it with a record id: python verify_offline.py vaas_...
"""

import hashlib
import json
import sys
from typing import Any

import httpx
from nacl.signing import VerifyKey

URL = "http://127.0.0.1:8402"


def fetch(path: str) -> Any:
    return httpx.get(URL + path, timeout=30).raise_for_status().json()


def canonical(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8: RFC 8785 for what payloads hold (no floats)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check(key: VerifyKey, payload: Any, payload_hash: str, signature: str) -> None:
    """Raises when the payload is not what was hashed, or not what the key signed."""
    if "sha256:" + hashlib.sha256(canonical(payload)).hexdigest() != payload_hash:
        raise SystemExit("the hash is not the payload's")
    key.verify(canonical(payload), bytes.fromhex(signature.removeprefix("ed25519:")))


bundle = fetch(f"/v1/vaas/{sys.argv[1]}/bundle")
evidence, receipt = bundle["evidence"], bundle["receipt"]
pinned = fetch("/v1/vaas/pubkey/current")["verify_key_hex"]  # keep it: trust starts here
key = VerifyKey(bytes.fromhex(pinned))

check(key, evidence["payload"], evidence["payload_hash"], evidence["signature"])
check(key, receipt["receipt_payload"], receipt["receipt_hash"], receipt["receipt_signature"])
linked = (
    receipt["record_id"] == evidence["record_id"]
    and receipt["record_signature"] == evidence["signature"]
    and receipt["request_hash"] == evidence["payload"]["input_hash"]
    and receipt["response_hash"] == evidence["payload"]["output_hash"]
)
if not linked:
    raise SystemExit("receipt and evidence are not of one call")
print("valid:", evidence["record_id"])
