"""Audit evidence at three checkpoints: what goes in, what comes out, and what a person decided about it.

Needs: pip install openai pynacl, and BATCHIN_API_KEY.
"""

import hashlib
import json
import os
from typing import Any

from nacl.signing import VerifyKey
from openai import OpenAI

MODEL = "qwen3-32b"
POLICY = {"review_at": 0.3, "block_at": 0.9}

client = OpenAI(base_url="http://127.0.0.1:8402/v1", api_key=os.environ["BATCHIN_API_KEY"])


def attested(**fields: object) -> dict[str, Any]:
    """A signed record: hashes of the texts, the risk score, the decision. Texts are never stored."""
    return client.post("/vaas", body={"model_id": MODEL, "policy": POLICY, **fields}, cast_to=dict)


def canonical(value: object) -> bytes:
    """Sorted keys, no spaces, UTF-8: RFC 8785 for what payloads hold (no floats)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def verified(record_id: str, key: VerifyKey) -> bool:
    """Check evidence with an Ed25519 library alone. Raises BadSignatureError."""
    evidence = client.get(f"/vaas/{record_id}/evidence", cast_to=dict)
    payload = canonical(evidence["payload"])
    key.verify(payload, bytes.fromhex(evidence["signature"].removeprefix("ed25519:")))
    return bool(evidence["payload_hash"] == "sha256:" + hashlib.sha256(payload).hexdigest())


question = "Write to anna.smith@example.com that her order 4711 is on its way."
before = attested(input_text=question, output_text="", checkpoint="input")
print("input:", before["record_id"], before["risk_score"], before["findings"], before["decision"])

raw = client.chat.completions.with_raw_response.create(
    model=MODEL, messages=[{"role": "user", "content": question}], max_tokens=48
)
answer = raw.parse().choices[0].message.content or ""
call = raw.headers["X-VaaS-Record-Id"]  # the call has evidence of its own
print("call:", call)

after = attested(
    input_text=question,
    output_text=answer,
    checkpoint="output",
    parent_record_id=before["record_id"],
)
print("output:", after["record_id"], after["risk_score"], after["decision"], "by", after["decided_by"])

review = attested(
    input_text=question,
    output_text=answer,
    checkpoint="human_review",
    parent_record_id=after["record_id"],
    decision="allow",
    reviewer="reviewer-7",
)
print("review:", review["record_id"], review["decision"], "by", review["decided_by"])

# keep the key: with it the records are checked at any later time, without asking the server
key = VerifyKey(bytes.fromhex(client.get("/vaas/pubkey/current", cast_to=dict)["verify_key_hex"]))
for record_id in (before["record_id"], call, after["record_id"], review["record_id"]):
    print("valid:" if verified(record_id, key) else "altered:", record_id)
