"""The key of records with a service: it signs the records of a real server, or nobody is charged."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.operations import OperationFailed
from settlement.evidence.trust import trust_from_pins
from settlement.evidence.verify import verify_bundle
from tests.live import API_KEY, running
from tests.unit.base.test_signers import KEY, service
from tests.watched import Watched

BODY = {"input_text": "1 + 1?", "output_text": "2", "model_id": "gpt-elsewhere"}
TOKEN = "a-secret-token"
LIE = {"signature": base64.b64encode(bytes(64)).decode()}


def test_a_service_signs_the_records(tmp_path: Path) -> None:
    answers: dict[str, Any] = {}
    with service(answers) as (url, asked):
        env = {
            "BATCHIN_ENGINE": "none",
            "BATCHIN_X402": "false",
            "BATCHIN_RECORD_SIGNER": url,
            "BATCHIN_RECORD_PUBLIC_KEY": KEY.public_key.hex(),
            "BATCHIN_RECORD_SIGNER_TOKEN": TOKEN,
        }
        with running(tmp_path / "data", **env) as server:
            headers = {"authorization": f"Bearer {API_KEY}"}
            with httpx2.Client(base_url=server.url, headers=headers, trust_env=False) as http:
                made = http.post("/v1/vaas", json=BODY)
                assert made.status_code == 200, made.text
                bundle = http.get(f"/v1/vaas/{made.json()['record_id']}/bundle").json()
                trust = trust_from_pins([KEY.public_key.hex()])
                assert verify_bundle({**bundle, "inclusion": None}, trust).valid
                assert http.get("/v1/vaas/pubkey/current").json()["key_id"] == KEY.key_id
                _refused(server, http, answers)
                _not_rotated(server)
    assert {authorization for authorization, _ in asked} == {f"Bearer {TOKEN}"}
    keys = tmp_path / "data" / "keys"
    assert not list(keys.glob("receipt*.key"))
    assert TOKEN not in (tmp_path / "data.log").read_text()


def _refused(server: Any, http: httpx2.Client, answers: dict[str, Any]) -> None:
    """While the service lies: an error, no charge, no hold, no record; and then all is well again."""
    before = http.get("/v1/usage/summary").json(), http.get("/v1/users/me").json()
    answers.update(LIE)
    answer = http.post("/v1/vaas", json=BODY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
    record_id = "vaas_" + answer.headers["x-batchin-run-id"].removeprefix("run_")
    assert http.get(f"/v1/vaas/{record_id}").status_code == 404
    assert (http.get("/v1/usage/summary").json(), http.get("/v1/users/me").json()) == before
    assert Watched(server).money().holds == 0
    answers.clear()
    assert http.post("/v1/vaas", json=BODY).status_code == 200


def _not_rotated(server: Any) -> None:
    with pytest.raises(OperationFailed, match="record_signer"):
        Watched(server).ask("signing.rotate")
    assert json.dumps(KEY.key_id) in json.dumps(Watched(server).ask("signing.list"))
