"""The signing key is rotated while calls are served: every record and receipt goes on verifying."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from base.canonical import canonical
from base.signing import file_signer
from server.admin import AdminClient
from settlement.evidence.hashes import sha256_of
from settlement.evidence.spelling import signature_text
from settlement.evidence.trust import trust_from_document
from settlement.evidence.verify import verify_bundle
from tests.live import LiveServer, running

ROTATIONS = 20
OUTSIDE = {"input_text": "1 + 1?", "output_text": "2", "model_id": "gpt-elsewhere"}
STREAM = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "Count."}],
    "max_tokens": 3,
    "stream": True,
}


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with running(tmp_path / "data", BATCHIN_X402="false") as server:
        yield server


def batchin(server: LiveServer, *words: str) -> Any:
    command = [sys.executable, "-m", "server.cli", *words, "--data-dir", str(server.data_dir), "--json"]
    return orjson.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


def test_rotation_under_load_leaves_every_record_valid(server: LiveServer) -> None:
    headers = {"authorization": f"Bearer {server.api_key}"}
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False, headers=headers) as http:
        rotated: list[Any] = []
        own: list[str] = []
        over = threading.Event()

        def attest() -> str:
            return str(http.post("/v1/vaas", json=OUTSIDE).raise_for_status().json()["record_id"])

        def load() -> list[str]:
            made = [attest()]
            while not over.is_set():
                made.append(attest())
            return made

        first = keys_of(http)
        with ThreadPoolExecutor(4) as pool:
            loads = [pool.submit(load) for _ in range(4)]
            try:
                for _ in range(ROTATIONS):
                    own.append(attest())  # so that each key signs something
                    rotated.append(asyncio.run(AdminClient(server.data_dir).call("signing.rotate")))
            finally:
                over.set()
            ids = [*own, *(record_id for made in loads for record_id in made.result())]
        rotated.extend(batchin(server, "signing", "rotate"))
        document = keys_of(http)
        assert document["verify_key_hex"] == rotated[-1]["verify_key_hex"]
        assert [key["key_id"] for key in document["keys"]] == [
            first["key_id"],
            *(key["key_id"] for key in rotated),
        ]
        trust = trust_from_document(document)
        signers = set()
        print(f"{ROTATIONS} rotations under load: {len(ids)} records")
        for record_id in (*ids, attest()):
            bundle = http.get(f"/v1/vaas/{record_id}/bundle").json()
            verdict = verify_bundle({**bundle, "inclusion": None}, trust)
            assert verdict.valid, verdict.document()
            signers.add(bundle["evidence"]["key_id"])
        assert signers == {key["key_id"] for key in document["keys"]}
        _refused(server, http, http.get(f"/v1/vaas/{ids[0]}/bundle").json())

        with http.stream("POST", "/v1/chat/completions", json=STREAM) as answer:
            assert answer.headers["x-vaas-publickey"] == rotated[-1]["public_key"]
            assert rotated[-1]["public_key"] in answer.read().decode()
        did = http.get("/.well-known/did.json").json()
        assert len(did["verificationMethod"]) == ROTATIONS + 2
        assert did["assertionMethod"] == [did["verificationMethod"][-1]["id"]]
        assert batchin(server, "signing", "list") == document["keys"]
        _revoked(server, http, ids[0], rotated[-1]["key_id"])


def _refused(server: LiveServer, http: httpx2.Client, bundle: Any) -> None:
    """Who has a retired key signs with it after its end: refused, and before its end: it stands."""
    evidence = bundle["evidence"]
    retired = http.get(f"/v1/vaas/pubkey/{evidence['key_id']}").json()
    signer = file_signer(server.data_dir / "keys" / f"receipt.{retired['key_id']}.key")
    for late_ms, trusted in ((0, True), (1, False)):
        payload = {**evidence["payload"], "issued_at_ms": retired["not_after_ms"] + late_ms}
        signed = canonical(payload)
        forged = {
            **evidence,
            "payload": payload,
            "payload_hash": sha256_of(signed),
            "signature": signature_text(signer.sign(signed)),
        }
        answer = http.post("/v1/audit/verify-bundle", json={"evidence": forged}).json()
        checks = {check["name"]: check["valid"] for check in answer["checks"]}
        assert (checks["evidence.signature"], checks["key_trusted"]) == (True, trusted)
        assert answer["valid"] is trusted


def _revoked(server: LiveServer, http: httpx2.Client, old_id: str, key_id: str) -> None:
    """The key in use is revoked: its record of before stands, one that the log did not hold does not."""
    new_id = str(http.post("/v1/vaas", json=OUTSIDE).raise_for_status().json()["record_id"])
    [revoked] = batchin(server, "signing", "revoke", key_id)
    document = keys_of(http)
    assert revoked == http.get(f"/v1/vaas/pubkey/{key_id}").json()
    assert http.get("/v1/audit/pubkey/00000000").status_code == 404
    assert document["key_id"] != key_id
    trust = trust_from_document(document)
    old, bundle = (http.get(f"/v1/vaas/{one}/bundle").json() for one in (old_id, new_id))
    assert verify_bundle(old, trust).valid
    assert verify_bundle(bundle, trust).valid
    assert bundle["evidence"]["key_id"] == key_id
    assert bundle["inclusion"]["leaf_index"] < revoked["revoked_log_size"]
    assert not verify_bundle({**bundle, "inclusion": None}, trust).valid
    methods = http.get("/.well-known/did.json").json()["verificationMethod"]
    assert [method["id"].rpartition("#")[2] for method in methods if "revoked" in method] == [key_id]
    late = {**bundle, "inclusion": {**bundle["inclusion"], "leaf_index": revoked["revoked_log_size"]}}
    found = {item.name: item.result for item in verify_bundle(late, trust).checks}
    assert found["key_trusted"] == "fail"


def keys_of(http: httpx2.Client) -> Any:
    return http.get("/v1/vaas/pubkey/current").json()
