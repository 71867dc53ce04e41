"""Outside texts at the doors: signed, in the log, charged, readable by anybody, and never stored."""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.live import LiveServer

SECRET = "My address is ada.lovelace@example.org."
TEXTS = {"input_text": SECRET, "output_text": "Noted.", "model_id": "gpt-elsewhere"}


@pytest.fixture(scope="module")
def http(live_server: LiveServer) -> Iterator[httpx2.Client]:
    headers = {"authorization": f"Bearer {live_server.api_key}"}
    with httpx2.Client(base_url=live_server.url, timeout=60, trust_env=False, headers=headers) as http:
        yield http


def attest(http: httpx2.Client, **more: Any) -> dict[str, Any]:
    answer = http.post("/v1/vaas", json={**TEXTS, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_record_is_signed_public_and_in_the_log(http: httpx2.Client) -> None:
    made = attest(http, gpu_id="cluster-7/node-12/gpu-3", policy={"review_at": 0.3, "block_at": 0.8})
    assert (made["input_hash"], made["output_hash"]) == (sha256(SECRET), sha256("Noted."))
    assert (made["risk_score"], made["findings"]) == (0.3, {"email": 1})
    assert (made["decision"], made["decided_by"]) == ("review", "policy")
    assert (made["gpu_id"], made["energy_wh"], made["carbon_grams_co2e"]) == ("****pu-3", None, None)
    anybody = httpx2.Client(base_url=http.base_url, trust_env=False)
    with anybody:
        shown = anybody.get(f"/v1/vaas/{made['audit_id']}").json()
        assert shown == {name: made[name] for name in shown}
        evidence = anybody.get(f"/v1/vaas/{made['record_id']}/evidence").json()
        assert evidence["payload"]["input_hash"] == "sha256:" + made["input_hash"]
        assert evidence["signature"] == "ed25519:" + made["signature"]
        deadline = time.monotonic() + 60
        while anybody.get(f"/v1/audit/log/inclusion/{made['audit_id']}").status_code != 200:
            assert time.monotonic() < deadline, "no place in the log within 30 s"
        assert anybody.get(f"/v1/vaas/{made['audit_id']}/verify").json()["outcome"] == "pass"


def test_it_is_charged_by_the_character(http: httpx2.Client) -> None:
    made = attest(http)
    [row] = http.get("/v1/usage/logs", params={"run_id": made["run_id"]}).json()
    characters = len(SECRET) + len("Noted.")
    assert float(row["cost_usd"]) == pytest.approx(characters * 0.10 / 1_000_000)
    keyless = httpx2.post(f"{http.base_url}/v1/vaas", json=TEXTS, trust_env=False)
    assert keyless.status_code == 402
    assert "payment-required" in keyless.headers


def test_a_review_goes_on_from_its_record(http: httpx2.Client) -> None:
    first = attest(http, policy={"block_at": 0.2})
    assert first["decision"] == "block"
    review = attest(
        http,
        checkpoint="human_review",
        parent_record_id=first["audit_id"],
        decision="allow",
        reviewer="reviewer-17",
    )
    assert (review["decision"], review["decided_by"]) == ("allow", "reviewer")
    assert review["parent_record_id"] == first["record_id"]
    own = attest(http, decision="allow", policy={"block_at": 0.2})
    assert (own["decision"], own["decided_by"], own["policy"]) == ("allow", "caller", {"block_at": 0.2})
    assert attest(http)["decision"] is None


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"checkpoint": "human_review"}, 400),
        ({"reviewer": "me"}, 400),
        ({"policy": {"review_at": 0.9, "block_at": 0.1}}, 400),
        ({"policy": {}}, 400),
        ({"policy": {"block_at": 2}}, 400),
        ({"decision": "perhaps"}, 400),
        ({"output_text": None}, 400),
        ({"colour": "red"}, 400),
        ({"parent_record_id": "vaas_" + "0" * 32}, 404),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_charged(
    http: httpx2.Client, more: dict[str, Any], status: int
) -> None:
    before = http.get("/v1/usage/summary").json()["total_requests"]
    answer = http.post("/v1/vaas", json={**TEXTS, **more})
    assert answer.status_code == status, answer.text
    assert SECRET not in answer.text
    assert http.get("/v1/usage/summary").json()["total_requests"] == before


def test_the_texts_prove_their_record_and_other_texts_do_not(http: httpx2.Client) -> None:
    made = attest(http)
    bundle = http.get(f"/v1/vaas/{made['record_id']}/bundle").json()
    for texts, result in ((TEXTS, "pass"), ({**TEXTS, "input_text": "x", "output_text": "y"}, "fail")):
        verdict = tool(http, "verify", {"bundle": bundle, "request": texts, "response": texts})
        found = {check["name"]: check["result"] for check in verdict["checks"]}
        assert (found["request_hash"], found["response_hash"]) == (result, result)


def test_the_texts_are_nowhere_on_the_disk(http: httpx2.Client, live_server: LiveServer) -> None:
    attest(http)
    tool(http, "attest", TEXTS)
    files = [path for path in live_server.data_dir.rglob("*") if path.is_file()]
    assert any(path.name.startswith("batchin.db") for path in files)
    for path in files:
        data = path.read_bytes()
        assert b"ada.lovelace" not in data, path


def tool(http: httpx2.Client, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": name,
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    }
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": name,
    }
    answer = http.post("/v1/mcp", json=message, headers=headers)
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        text = next(line[6:] for line in text.splitlines() if line.startswith("data: {"))
    found: dict[str, Any] = json.loads(text)["result"]["structuredContent"]
    return found
