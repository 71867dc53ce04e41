"""The log's key with a service: it signs the checkpoints of a real server."""

import time
from pathlib import Path

import httpx2

from settlement.evidence.checkpoint import LogKey, Note
from tests.live import API_KEY, running
from tests.unit.base.test_signers import KEY, service

BODY = {"input_text": "1 + 1?", "output_text": "2", "model_id": "gpt-elsewhere"}


def test_a_service_signs_the_checkpoints(tmp_path: Path) -> None:
    with service() as (url, asked):
        env = {
            "BATCHIN_ENGINE": "none",
            "BATCHIN_X402": "false",
            "BATCHIN_LOG_SIGNER": url,
            "BATCHIN_LOG_PUBLIC_KEY": KEY.public_key.hex(),
            "BATCHIN_LOG_SIGNER_TOKEN": "a-secret-token",
        }
        with running(tmp_path / "data", **env) as server:
            headers = {"authorization": f"Bearer {API_KEY}"}
            httpx2.post(f"{server.url}/v1/vaas", json=BODY, headers=headers).raise_for_status()
            deadline = time.monotonic() + 60
            while True:
                head = httpx2.get(f"{server.url}/v1/audit/log/head").json()
                if head["size"]:
                    break
                assert time.monotonic() < deadline, "the log did not grow"
                time.sleep(0.1)
    note = Note.parse(head["checkpoint"])
    assert note.signed_by(LogKey(note.checkpoint.origin, KEY.public_key))
    assert asked
    assert not (tmp_path / "data" / "keys" / "log.key").exists()
    assert "a-secret-token" not in (tmp_path / "data.log").read_text()
