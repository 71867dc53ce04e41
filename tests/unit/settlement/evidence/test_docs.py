"""docs/receipts.md is true: its vectors, its verifier and its list of checks."""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from base.canonical import canonical_request
from settlement.evidence.bodies import response_hash
from settlement.evidence.hashes import request_hash
from settlement.evidence.salting import Part, salted
from settlement.evidence.trust import trust_from_document
from settlement.evidence.verify import Bodies, verify_bundle
from tests.unit.settlement.evidence.golden import PATH, golden

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "receipts.md").read_text()
GOLDEN = json.loads(PATH.read_text())
VECTORS = {
    name: json.loads(text)
    for name, text in re.findall(r"^```json vector=(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
}
[VERIFIER] = re.findall(r"^```py\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_the_vector_of_requests() -> None:
    vector = VECTORS["request"]
    assert canonical_request(vector["request"]).decode() == vector["canonical"]
    assert request_hash(vector["request"]) == sha256(vector["canonical"].encode()) == vector["hash"]


def test_the_vector_of_salted_hashes() -> None:
    vector = VECTORS["salted"]
    for part in Part:
        assert salted(part, vector["plain"], bytes.fromhex(vector["salt"])) == vector[part.value]


@pytest.mark.parametrize("tool", sorted(VECTORS.keys() - {"request", "salted"}))
def test_the_vector_of_each_tool(tool: str) -> None:
    vector = VECTORS[tool]
    hashed = vector.get("canonical", "").encode() or bytes.fromhex(vector["hashed_hex"])
    assert response_hash(tool, vector["response"]) == sha256(hashed) == vector["hash"]


def test_the_golden_bundle_is_still_made_byte_for_byte(tmp_path: Path) -> None:
    assert json.loads(json.dumps(golden(tmp_path))) == GOLDEN


def test_the_golden_bundle_verifies_by_its_published_keys() -> None:
    trust = trust_from_document(GOLDEN["keys"])
    verdict = verify_bundle(GOLDEN["bundle"], trust, Bodies(GOLDEN["request"], GOLDEN["response"]))
    assert verdict.exit_code == 0


def test_the_salted_bundle_names_its_bodies_by_the_salt_alone(tmp_path: Path) -> None:
    trust, bundle = trust_from_document(GOLDEN["keys"]), GOLDEN["salted"]
    bodies = Bodies(GOLDEN["request"], GOLDEN["response"])
    checks = ("request_hash", "response_hash")
    for salt, result in ((b"", "skipped"), (b"x" * 32, "fail"), (bytes.fromhex(GOLDEN["salt"]), "pass")):
        verdict = verify_bundle(bundle, trust, replace(bodies, salt=salt))
        assert {c.name: c.result for c in verdict.checks if c.name in checks} == dict.fromkeys(
            checks, result
        )
        others = [check for check in verdict.checks if check.name not in checks]
        assert {check.result for check in others} == {"pass"}
    payload, plain = bundle["evidence"]["payload"], GOLDEN["bundle"]["evidence"]["payload"]
    assert payload["hashes"] == "salted"
    assert {payload["input_hash"], payload["output_hash"]}.isdisjoint(map(str, plain.values()))
    assert run_verifier(tmp_path, bundle).returncode == 0


def run_verifier(folder: Path, bundle: Any) -> subprocess.CompletedProcess[str]:
    for name, value in (("bundle", bundle), ("keys", GOLDEN["keys"])):
        (folder / f"{name}.json").write_text(json.dumps(value))
    (folder / "verifier.py").write_text(VERIFIER)
    return subprocess.run(
        [sys.executable, "verifier.py", "bundle.json", "keys.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_verifier_of_the_page_accepts_the_golden_bundle_and_no_other(tmp_path: Path) -> None:
    done = run_verifier(tmp_path, GOLDEN["bundle"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"valid: {GOLDEN['bundle']['evidence']['record_id']}\n")
    other = json.loads(json.dumps(GOLDEN["bundle"]))
    other["evidence"]["payload"]["charged_nano_usd"] -= 1
    assert run_verifier(tmp_path, other).returncode != 0
    moved = json.loads(json.dumps(GOLDEN["bundle"]))
    moved["inclusion"]["leaf_index"] += 1
    assert "FAIL inclusion" in run_verifier(tmp_path, moved).stdout


def test_every_check_is_described() -> None:
    bare = {"evidence": GOLDEN["bundle"]["evidence"]}
    verdicts = (verify_bundle(GOLDEN["bundle"]), verify_bundle(bare))
    names = {check.name for verdict in verdicts for check in verdict.checks}
    described = set(re.findall(r"`([a-z_.]+)`", PAGE.partition("## What `verify` checks")[2]))
    assert names <= described


def test_every_member_is_described() -> None:
    bundle = GOLDEN["bundle"]
    for part in (
        bundle["evidence"],
        bundle["evidence"]["payload"],
        bundle["receipt"],
        bundle["receipt"]["receipt_payload"],
        bundle["inclusion"],
        GOLDEN["keys"],
    ):
        for member in part:
            assert f"`{member}`" in PAGE or f'"{member}"' in PAGE, member
